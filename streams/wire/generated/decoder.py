"""The decoder of a schema."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.wire.generated.numbers import STEPS, TIMES, length_at, number_at
from streams.wire.generated.odd import odd
from streams.wire.generated.source import branch_of, kind_of, made

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def decoder(schema: Any, header: bytes, makers: Mapping[str, type] | None = None) -> Callable[[bytes], Any]:
    """Return the function that decodes a record.

    Args:
        schema: the record's schema, expanded and without logical types.
        header: what the bytes begin with.
        makers: the struct, dataclass or named tuple of each record, by the last part of its name; arrays are then
            tuples. ``None`` for dicts and lists.
    """
    source = _DecoderSource(makers)
    source.lines += [
        "def decode(data):",
        f"    if type(data) is not bytes or not data.startswith({header!r}):",
        "        odd()",
        f"    at = {len(header)}",
    ]
    found = source.value(schema, "    ")
    source.lines += ["    if at != len(data):", "        odd()", f"    return {found}"]
    namespace: dict[str, Any] = {
        "number_at": number_at,
        "length_at": length_at,
        "odd": odd,
        "STEPS": STEPS,
        "TIMES": TIMES,
        **(makers or {}),
    }
    decode: Callable[[bytes], Any] = made(source.lines, namespace, "decode")
    return decode


class _DecoderSource:
    """The source of a decoder: statements that leave each value in a variable of its own."""

    def __init__(self, makers: Mapping[str, type] | None) -> None:
        self.lines: list[str] = []
        self._makers = makers
        self._variables = 0

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
            self._text(variable, indent, ".decode()" if kind == "string" else "")
        elif kind == "boolean":
            self._add(
                indent,
                "byte = data[at]",
                "if byte > 1:",
                "    odd()",
                f"{variable} = byte == 1",
                "at += 1",
            )
        else:
            self._add(
                indent,
                f"{variable} = data[at]",
                f"if {variable} < 128:",
                f"    {variable} = ({variable} >> 1) ^ -({variable} & 1)",
                "    at += 1",
                "elif (time := TIMES.get(data[at:at + 6])) is not None:",
                f"    {variable} = time",
                "    at += 6",
                "else:",
                f"    {variable}, at = number_at(data, at)",
            )
        return variable

    def _text(self, variable: str, indent: str, decoded: str) -> None:
        self._add(
            indent,
            "if step := STEPS[data[at]]:",
            "    end = at + step",  # a cut text is noticed at the end: then the place is behind the data
            f"    {variable} = data[at + 1:end]{decoded}",
            "else:",
            "    size, at = length_at(data, at)",
            "    end = at + size",
            f"    {variable} = data[at:end]{decoded}",
            "at = end",
        )

    def _optional(self, schema: Any, indent: str) -> str:
        self._add(indent, "branch = data[at]", "at += 1", "if branch == 2:")
        found = self.value(schema, indent + "    ")
        self._add(indent, "elif branch:", "    odd()", "else:", f"    {found} = None")
        return found

    def _record(self, schema: Any, indent: str) -> str:
        values = {field["name"]: self.value(field["type"], indent) for field in schema["fields"]}
        variable = self._variable()
        if self._makers is None:
            literal = f"{{{', '.join(f'{name!r}: {value}' for name, value in values.items())}}}"
            self._add(indent, f"{variable} = {literal}")
            return variable
        name = schema["name"].rpartition(".")[2]
        wanted = _field_names(self._makers[name])
        if wanted.keys() != values.keys():
            raise ValueError(f"{name} has other fields than its schema")
        self._add(indent, f"{variable} = {name}({', '.join(values[field] for field in wanted)})")
        return variable

    def _array(self, items: Any, indent: str) -> str:
        variable = self._variable()
        self._add(
            indent,
            f"{variable} = []",
            "if data[at]:",
            "    count, at = length_at(data, at)",
            "    if not count:",  # written longer than need be
            "        odd()",
            "    for _ in range(count):",
        )
        found = self.value(items, indent + "        ")
        self._add(
            indent,
            f"        {variable}.append({found})",
            "    if data[at]:",  # another block
            "        odd()",
            "at += 1",
        )
        if self._makers is not None:
            self._add(indent, f"{variable} = tuple({variable})")
        return variable

    def _add(self, indent: str, *lines: str) -> None:
        self.lines += [indent + line for line in lines]

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
