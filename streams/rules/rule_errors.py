"""The faults of rule files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_SHOWN = 200
_SHOWN_AT_ITS_END = 20


class RuleErrors(ValueError):  # noqa: N818  it is several errors
    """Rule files are wrong.

    Attributes:
        faults: all faults, each on one line: the file, then ``query:LINE:COLUMN`` or the field and its value, then what
            is allowed.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(map(on_one_line, faults))
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)


def on_one_line(text: str) -> str:
    """Return the text with line ends and other control characters escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shown(value: object) -> str:
    """Return a value as a fault shows it; a long one is cut in the middle."""
    text = repr(value)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[: _LONGEST_SHOWN - _SHOWN_AT_ITS_END]}…{text[-_SHOWN_AT_ITS_END:]}"
