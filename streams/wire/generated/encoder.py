"""The encoder of a schema."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from streams.wire.generated.numbers import SIZES, Ints, Numbers, number_bytes
from streams.wire.generated.odd import OddError, odd
from streams.wire.generated.source import branch_of, kind_of, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SOME_SIZES = tuple(b"\2" + size for size in SIZES)  # behind the branch of a union
_NUMBERS, _INTS = Numbers(), Ints()

_MOST_KEPT = 1_000


class _Recurring:
    """Encodes dicts that come again and again, such as the part of a rule in its alerts, once each.

    A dict is known by its identity. That nothing in it has changed since is compared with a copy.
    """

    def __init__(self, encode: Callable[[dict[str, Any]], bytes]) -> None:
        self._encode = encode
        self._kept: dict[int, tuple[dict[str, Any], dict[str, Any], bytes]] = {}

    def __call__(self, record: dict[str, Any]) -> bytes:
        kept = self._kept.get(id(record))
        if kept is not None and kept[0] is record and kept[1] == record:
            return kept[2]
        written = self._encode(record)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[id(record)] = (record, deepcopy(record), written)
        return written


def encoder(schema: Any, header: bytes, *, of_dicts: bool, recurring: tuple[str, ...] = ()) -> Callable[[Any], bytes]:
    """Return the function that encodes a record.

    Args:
        schema: the record's schema, expanded and without logical types.
        header: what the bytes begin with.
        of_dicts: whether records are dicts; otherwise they have a record's fields as attributes.
        recurring: the names of records whose dicts come again and again.
    """
    source = _EncoderSource(of_dicts=of_dicts, recurring=recurring)
    parts = [repr(header), *source.parts(schema, "value")]
    source.function("encode", "value", f"return b''.join(({', '.join(parts)},))")
    namespace: dict[str, Any] = {
        "number_bytes": number_bytes,
        "SIZES": SIZES,
        "SOME_SIZES": _SOME_SIZES,
        "NUMBERS": _NUMBERS,
        "INTS": _INTS,
        "bytes_of": _bytes,
        "list_of": _items,
        "odd": odd,
        "Recurring": _Recurring,
    }
    encode: Callable[[Any], bytes] = made(source.lines, namespace, "encode")
    return encode


def _bytes(value: object) -> bytes:
    if type(value) is bytes:
        return value
    raise OddError


def _items(value: object) -> list[Any] | tuple[Any, ...]:
    if type(value) is list or type(value) is tuple:
        return value
    raise OddError


class _EncoderSource:
    """The source of an encoder: its parts are expressions of bytes."""

    def __init__(self, *, of_dicts: bool, recurring: tuple[str, ...]) -> None:
        self._recurring = recurring
        self.lines: list[str] = []
        self._of_dicts = of_dicts
        self._names = 0

    def function(self, name: str, argument: str, *body: str) -> None:
        """Add a function."""
        self.lines += [f"def {name}({argument}):", *(f"    {line}" for line in body)]

    def parts(self, schema: Any, value: str) -> Iterator[str]:
        """Give the parts of a value, which is an expression that may be evaluated once."""
        if isinstance(schema, list):
            yield from self._optional(branch_of(schema), value)
            return
        match kind_of(schema):
            case "string":
                yield _sized("SIZES", f"(text := {value}.encode())")
                yield "text"
            case "bytes":
                yield _sized("SIZES", f"(text := bytes_of({value}))")
                yield "text"
            case "boolean":
                yield f"(b'\\1' if (one := {value}) is True else b'\\0' if one is False else odd())"
            case "int":
                yield f"(INTS[number] if type(number := {value}) is int else odd())"
            case "long":
                yield f"(NUMBERS[number] if type(number := {value}) is int else odd())"
            case "array":
                yield f"{self._array(schema['items'])}({value})"
            case _ if self._of_dicts:
                yield f"{self._record(schema)}({value})"
            case _:
                yield from self._fields(schema, value)

    def _optional(self, schema: Any, value: str) -> Iterator[str]:
        if kind_of(schema) == "string":
            yield f"b'\\0' if (one := {value}) is None else {_sized('SOME_SIZES', '(text := one.encode())')}"
            yield "b'' if one is None else text"
            return
        part = f"{self._record(schema)}(one)" if kind_of(schema) == "record" else self._sole(schema, "one")
        yield f"b'\\0' if (one := {value}) is None else b'\\2' + {part}"

    def _sole(self, schema: Any, value: str) -> str:
        """Return the parts of a value as one."""
        return f"({' + '.join(self.parts(schema, value))})"

    def _fields(self, schema: Any, record: str) -> Iterator[str]:
        """Give the parts of a record's fields; ``record`` is evaluated with the first of them."""
        name = f"record_{self._count()}"
        found = f"({name} := {record})"
        for field in schema["fields"]:
            yield from self.parts(field["type"], f"{found}.{field['name']}")
            found = name

    def _record(self, schema: Any) -> str:
        name = self._named()
        body: list[str] = []
        parts: list[str] = []
        if self._of_dicts:
            body += [f"if type(record) is not dict or len(record) != {len(schema['fields'])}:", "    odd()"]
            for field in schema["fields"]:
                parts += self.parts(field["type"], f"record[{field['name']!r}]")
        else:
            parts += self._fields(schema, "record")
        self.function(name, "record", *body, f"return b''.join(({', '.join(parts)},))")
        if self._of_dicts and schema["name"].rpartition(".")[2] in self._recurring:
            self.lines.append(f"{name} = Recurring({name})")
        return name

    def _array(self, items: Any) -> str:
        name = self._named()
        part = f"{self._record(items)}(each)" if kind_of(items) == "record" else self._sole(items, "each")
        self.function(
            name,
            "items",
            "items = list_of(items)",
            "if not items:",
            "    return b'\\0'",
            f"return {_sized('SIZES', 'items')} + b''.join([{part} for each in items]) + b'\\0'",
        )
        return name

    def _named(self) -> str:
        return f"part_{self._count()}"

    def _count(self) -> int:
        self._names += 1
        return self._names


def _sized(sizes: str, text: str) -> str:
    """Return the part that says how long a text is."""
    branch = "b'\\2' + " if sizes == "SOME_SIZES" else ""
    return f"({sizes}[size] if (size := len({text})) < {len(SIZES)} else {branch}number_bytes(size))"
