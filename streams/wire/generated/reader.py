"""A decoder that reads some fields of a record, and notes the places of others, which are read later or never.

The rules:

* Bytes that it accepts are a record that the decoder of all fields reads, also where it passes over something. So all
  texts have to be ASCII. If one is not, the bytes are odd.
* Short lengths are ASCII as well, and so are small numbers. So all bytes between two larger numbers are looked at
  together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streams.wire.generated.decoder import INDENT, DecoderSource
from streams.wire.generated.numbers import LENGTHS
from streams.wire.generated.source import branch_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PLACE = re.compile(r"\bat_(\w+)")
_SOME_STEPS = tuple(size + 2 if size >= 0 else 0 for size in LENGTHS)  # of a text behind the branch of a union
_OWN_STEPS = tuple(size + 1 if size >= 0 else 0 for size in LENGTHS)


def reader(
    schema: Any, header: bytes, read: Sequence[str], makers: Mapping[str, type], result: str, **names: Any
) -> Callable[[bytes], Any]:
    """Return the function that reads fields of a record, and raises an error for whatever is odd, see ``generated``.

    Args:
        schema: the record's schema, expanded and without logical types.
        header: what the bytes begin with.
        read: the fields that are read; ``event.id`` is one of a record in a field.
        makers: the struct, dataclass or named tuple of each record that is read, as for ``decoder``.
        result: the expression that the function returns. It may use ``data``, the values that are read, as
            ``value_event_id``, and the places where fields begin, as ``at_event_id``.
        names: what else the expression needs.
    """
    source = _ReaderSource(makers, header, read, result)
    source.fields(schema, "")
    source.before_large_number(INDENT)
    return source.function(result, OWN=_OWN_STEPS, SOME=_SOME_STEPS, **names)


class _ReaderSource(DecoderSource):
    """The source of a reader. Behind ``checked``, what was passed over has not been looked at yet."""

    def __init__(self, makers: Mapping[str, type], header: bytes, read: Sequence[str], result: str) -> None:
        super().__init__(makers, header)
        self._read = read
        self._places = frozenset(_PLACE.findall(result))
        self.add(INDENT, "checked = at")

    def fields(self, schema: Any, before: str) -> None:
        """Add the statements for the fields of a record."""
        for field in schema["fields"]:
            name, kind = before + field["name"], field["type"]
            variable = name.replace(".", "_")
            if variable in self._places:
                self.add(INDENT, f"at_{variable} = at")
            if name in self._read:
                self.add(INDENT, f"value_{variable} = {self.value(kind, INDENT)}")
            elif not isinstance(kind, list) and kind_of(kind) == "record":
                self.fields(kind, f"{name}.")
            else:
                self._pass_over(kind, INDENT)

    def before_large_number(self, indent: str) -> None:
        """Look at what is behind the last one."""
        self.add(indent, "if not data[checked:at].isascii():", "    odd()")

    def behind_large_number(self, indent: str, place: str) -> None:
        """Note where the next look begins."""
        self.add(indent, f"checked = {place}")

    def _pass_over(self, schema: Any, indent: str) -> None:
        """Add the statements that go behind a value."""
        inside = indent + INDENT
        if isinstance(schema, list):
            self.add(indent, "branch = data[at]", "if branch == 2:")
            if kind_of(branch_of(schema)) == "string":
                self._pass_over_text(inside, "SOME", 1)
            else:
                self.add(inside, "at += 1")
                self._pass_over(branch_of(schema), inside)
            self.add(indent, "elif branch:", "    odd()", "else:", "    at += 1")
            return
        match kind_of(schema):
            case "string":
                self._pass_over_text(indent, "OWN", 0)
            case "boolean":
                self.add(indent, "if data[at] > 1:", "    odd()", "at += 1")
            case "int" | "long":
                self._pass_over_number(indent)
            case "record":
                for field in schema["fields"]:
                    self._pass_over(field["type"], indent)
            case "array":
                self.add(indent, "if data[at]:")
                self.add(inside, "count, at = length_at(data, at)", "if not count:", "    odd()")
                self.add(inside, "for _ in range(count):")
                self._pass_over(schema["items"], inside + INDENT)
                self.add(inside, "if data[at]:", "    odd()")
                self.add(indent, "at += 1")
            case kind:
                raise ValueError(f"streams/wire/generated/reader does not pass over the type {kind}; teach it")

    def _pass_over_text(self, indent: str, steps: str, before: int) -> None:
        length = f"at + {before}" if before else "at"
        inside = indent + INDENT
        self.add(indent, f"if step := {steps}[data[{length}]]:", "    at += step", "else:")
        self.before_large_number(inside)
        self.add(
            inside,
            f"byte = data[{length}]",
            f"if not byte & 1 and (high := data[at + {before + 1}]) < 128:",  # a length of two bytes
            f"    start = at + {before + 2}",
            "    at = start + (high << 6) + ((byte & 126) >> 1)",
            "else:",
            f"    size, start = length_at(data, {length})",
            "    at = start + size",
        )
        self.behind_large_number(inside, "start")

    def _pass_over_number(self, indent: str) -> None:
        inside = indent + INDENT
        self.add(indent, "if data[at] < 128:", "    at += 1", "else:")
        self.before_large_number(inside)
        self.add(
            inside,
            "if data[at + 1] < 128:",
            "    at += 2",
            "elif data[at:at + 6] in TIMES:",
            "    at += 6",
            "else:",
            "    _, at = number_at(data, at)",
        )
        self.behind_large_number(inside, "at")
