"""The encoder of a schema."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from streams.wire.generated.numbers import Ints, Numbers, Sizes
from streams.wire.generated.odd import OddError, odd
from streams.wire.generated.source import branch_of, kind_of, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIZES, _SOME_SIZES = Sizes(b""), Sizes(b"\2")  # also behind the branch of a union
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
        "SIZES": _SIZES,
        "SOME_SIZES": _SOME_SIZES,
        "NUMBERS": _NUMBERS,
        "INTS": _INTS,
        "boolean_bytes": _boolean_bytes,
        "bytes_of": _bytes,
        "list_of": _items,
        "odd": odd,
        "Recurring": _Recurring,
    }
    encode: Callable[[Any], bytes] = made(source.lines, namespace, "encode")
    return encode


def _boolean_bytes(value: object) -> bytes:
    if value is True:
        return b"\1"
    if value is False:
        return b"\0"
    raise OddError


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
        self._functions = 0

    def function(self, name: str, argument: str, *body: str) -> None:
        """Add a function."""
        self.lines += [f"def {name}({argument}):", *(f"    {line}" for line in body)]

    def parts(self, schema: Any, value: str) -> Iterator[str]:
        """Give the parts of a value, which is an expression that may be evaluated once."""
        if isinstance(schema, list):
            yield f"b'\\0' if (one := {value}) is None else {self._optional(branch_of(schema))}"
            return
        match kind_of(schema):
            case "string":
                yield f"SIZES[len(text := {value}.encode())] + text"
            case "bytes":
                yield f"SIZES[len(text := bytes_of({value}))] + text"
            case "boolean":
                yield f"boolean_bytes({value})"
            case "int":
                yield f"(INTS[number] if type(number := {value}) is int else odd())"
            case "long":
                yield f"(NUMBERS[number] if type(number := {value}) is int else odd())"
            case "array":
                yield f"{self._array(schema['items'])}({value})"
            case _:
                yield f"{self._record(schema)}({value})"

    def _optional(self, schema: Any) -> str:
        if kind_of(schema) == "string":
            return "SOME_SIZES[len(text := one.encode())] + text"
        (part,) = self.parts(schema, "one")
        return f"b'\\2' + {part}"

    def _record(self, schema: Any) -> str:
        name = self._named()
        body: list[str] = []
        parts: list[str] = []
        if self._of_dicts:
            body += [f"if type(record) is not dict or len(record) != {len(schema['fields'])}:", "    odd()"]
        for field in schema["fields"]:
            value = f"record[{field['name']!r}]" if self._of_dicts else f"record.{field['name']}"
            parts += self.parts(field["type"], value)
        self.function(name, "record", *body, f"return b''.join(({', '.join(parts)},))")
        if self._of_dicts and schema["name"].rpartition(".")[2] in self._recurring:
            self.lines.append(f"{name} = Recurring({name})")
        return name

    def _array(self, items: Any) -> str:
        name = self._named()
        (part,) = self.parts(items, "each")
        self.function(
            name,
            "items",
            "items = list_of(items)",
            "if not items:",
            "    return b'\\0'",
            f"return SIZES[len(items)] + b''.join([{part} for each in items]) + b'\\0'",
        )
        return name

    def _named(self) -> str:
        self._functions += 1
        return f"part_{self._functions}"
