"""The decoder of a schema."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.wire.generated.numbers import LENGTHS, TIMES, length_at, number_at
from streams.wire.generated.odd import odd
from streams.wire.generated.source import branch_of, kind_of, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INDENT = "    "
_DECODED = {"string": ".decode()", "bytes": ""}


def decoder(schema: Any, header: bytes, makers: Mapping[str, type] | None = None) -> Callable[[bytes], Any]:
    """Return the function that decodes a record.

    Args:
        schema: the record's schema, expanded and without logical types.
        header: what the bytes begin with.
        makers: the struct, dataclass or named tuple of each record, by the last part of its name; arrays are then
            tuples. ``None`` for dicts and lists.
    """
    source = DecoderSource(makers, header)
    return source.function(source.value(schema, INDENT))


class DecoderSource:
    """The source of a decoder: statements that leave each value in a variable of its own."""

    def __init__(self, makers: Mapping[str, type] | None, header: bytes) -> None:
        self._makers = makers
        self._variables = 0
        self._lines: list[str] = [
            "def decode(data):",
            f"    if type(data) is not bytes or not data.startswith({header!r}):",
            "        odd()",
            f"    at = {len(header)}",
        ]

    def function(self, result: str, **names: Any) -> Callable[[bytes], Any]:
        """Return the function; ``names`` are what the expression of its result needs beside what was read."""
        self.add(INDENT, "if at != len(data):", "    odd()", f"return {result}")
        namespace: dict[str, Any] = {
            "number_at": number_at,
            "length_at": length_at,
            "odd": odd,
            "LENGTHS": LENGTHS,
            "TIMES": TIMES,
            **(self._makers or {}),
            **names,
        }
        decode: Callable[[bytes], Any] = made(self._lines, namespace, "decode")
        return decode

    def value(self, schema: Any, indent: str) -> str:
        """Add the statements that read a value at ``at`` and go behind it; return its expression."""
        if isinstance(schema, list):
            return self._optional(branch_of(schema), indent)
        kind = kind_of(schema)
        if kind == "record":
            return self._record(schema, indent)
        if kind == "array":
            return self._array(schema["items"], indent)
        variable = self._variable()
        if kind in ("string", "bytes"):
            self._text(variable, indent, _DECODED[kind])
        elif kind == "boolean":
            self.add(
                indent,
                "byte = data[at]",
                "if byte > 1:",
                "    odd()",
                f"{variable} = byte == 1",
                "at += 1",
            )
        else:
            self.add(
                indent,
                f"{variable} = data[at]",
                f"if {variable} < 128:",
                f"    {variable} = ({variable} >> 1) ^ -({variable} & 1)",
                "    at += 1",
                "else:",
            )
            self.before_large_number(indent + INDENT)
            self.add(
                indent + INDENT,
                "if (time := TIMES.get(data[at:at + 6])) is not None:",
                f"    {variable} = time",
                "    at += 6",
                "else:",
                f"    {variable}, at = number_at(data, at)",
            )
            self.behind_large_number(indent + INDENT, "at")
        return variable

    def _text(self, variable: str, indent: str, decoded: str, before: int = 0) -> None:
        """Add the statements that read a text or bytes, ``before`` bytes behind ``at``."""
        length, text = (f"at + {before}", f"at + {before + 1}") if before else ("at", "at + 1")
        longer = f"at + {before + 2}"
        self.add(
            indent,
            f"byte = data[{length}]",
            "if (size := LENGTHS[byte]) >= 0:",
            f"    start = {text}",
            "    end = start + size",  # a cut text is noticed at the end: then the place is behind the data
            "else:",
        )
        self.before_large_number(indent + INDENT)
        self.add(
            indent + INDENT,
            f"if not byte & 1 and (high := data[{text}]) < 128:",  # a length of two bytes
            f"    start = {longer}",
            "    end = start + (high << 6) + ((byte & 126) >> 1)",
            "else:",
            f"    size, start = length_at(data, {length})",
            "    end = start + size",
        )
        self.behind_large_number(indent + INDENT, "start")
        self.add(indent, f"{variable} = data[start:end]{decoded}", "at = end")

    def before_large_number(self, indent: str) -> None:
        """Add statements that come before a number of several bytes."""

    def behind_large_number(self, indent: str, place: str) -> None:
        """Add statements that come behind a number of several bytes."""

    def _optional(self, schema: Any, indent: str) -> str:
        self.add(indent, "branch = data[at]", "if branch == 2:")
        inside = indent + "    "
        kind = kind_of(schema)
        if kind in ("string", "bytes"):
            found = self._variable()
            self._text(found, inside, _DECODED[kind], before=1)
        else:
            self.add(inside, "at += 1")
            found = self.value(schema, inside)
        self.add(indent, "elif branch:", "    odd()", "else:", f"    {found} = None", "    at += 1")
        return found

    def _record(self, schema: Any, indent: str) -> str:
        values = {field["name"]: self.value(field["type"], indent) for field in schema["fields"]}
        variable = self._variable()
        if self._makers is None:
            literal = f"{{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}}"
            self.add(indent, f"{variable} = {literal}")
            return variable
        name = schema["name"].rpartition(".")[2]
        wanted = _field_names(self._makers[name])
        if wanted.keys() != values.keys():
            raise ValueError(f"{name} has other fields than its schema")
        self.add(indent, f"{variable} = {name}({', '.join(values[field] for field in wanted)})")
        return variable

    def _array(self, items: Any, indent: str) -> str:
        variable = self._variable()
        self.add(
            indent,
            f"{variable} = []",
            "if byte := data[at]:",
            "    if (count := LENGTHS[byte]) > 0:",
            "        at += 1",
            "    else:",
            "        count, at = length_at(data, at)",
            "        if not count:",  # written longer than need be
            "            odd()",
            "    for _ in range(count):",
        )
        found = self.value(items, indent + "        ")
        self.add(
            indent,
            f"        {variable}.append({found})",
            "    if data[at]:",  # another block
            "        odd()",
            "at += 1",
        )
        if self._makers is not None:
            self.add(indent, f"{variable} = tuple({variable})")
        return variable

    def add(self, indent: str, *lines: str) -> None:
        """Add statements."""
        self._lines += [indent + line for line in lines]

    def _variable(self) -> str:
        self._variables += 1
        return f"found_{self._variables}"


def _field_names(maker: type) -> dict[str, None]:
    """The names of a maker's arguments, in order."""
    if is_dataclass(maker):
        return dict.fromkeys(field.name for field in fields(maker))
    if issubclass(maker, Struct):
        return dict.fromkeys(maker.__struct_fields__)
    names: tuple[str, ...] = maker._fields  # type: ignore[attr-defined]  # a named tuple's
    return dict.fromkeys(names)
