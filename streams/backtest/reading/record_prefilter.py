"""Drops the entries of a trail's log file that cannot match, so that only the others are parsed.

In an archive one entry in hundreds is of the rule's event, and parsing all entries would take longer than decompressing
the file. msgspec finds where each entry begins and ends six times as fast, and returns the bytes in between.

Entries are dropped only if the file is one object that holds ``Records`` alone, and every entry is an object. The first
entry must be a record, before and after dropping: that tells a log file from Lambda's event for a queue's messages.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Self

import msgspec

from streams.inputs.aws.cloudtrail import USUAL_START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_OBJECT = frozenset(b"{")
_with_separator = (1).__add__


class _LogFile(msgspec.Struct, forbid_unknown_fields=True):
    Records: list[msgspec.Raw]


_DECODER = msgspec.json.Decoder(_LogFile)


class Narrowed(msgspec.Struct, frozen=True):
    """A log file without the entries that cannot match.

    Attributes:
        value: the smaller file.
        elements: for each of its entries, its index among all entries.
        left_out: how many entries were dropped.
    """

    value: bytes
    elements: tuple[int, ...]
    left_out: int
    _first: bytes
    _kept: tuple[bytes, ...]

    @classmethod
    def of(cls, first: bytes, kept: Sequence[tuple[int, bytes]], total: int) -> Self | None:
        """The smaller file of these entries, each with its index; ``None`` if it is not certainly a log file.

        Args:
            first: the first of all entries.
            kept: the entries to keep.
            total: how many entries there are.
        """
        if kept and not all(entry.startswith(USUAL_START) for entry in (first, kept[0][1])):
            return None
        elements, entries = tuple(number for number, _ in kept), tuple(entry for _, entry in kept)
        return cls(b'{"Records":[%b]}' % b",".join(entries), elements, total - len(kept), first, entries)

    def only(self, may_match: Callable[[bytes], bool]) -> Self | None:
        """The same file with those of its entries that pass a test as well."""
        kept = [both for both in zip(self.elements, self._kept, strict=True) if may_match(both[1])]
        return self.of(self._first, kept, self.left_out + len(self._kept))


def narrow(
    value: bytes | bytearray,
    may_match: Callable[[bytes], bool],
    find_marks: Callable[[bytes | bytearray, int, int], Sequence[int]],
) -> Narrowed | None:
    """The log file with only the entries that may match; ``None`` if all may, or if it is not certainly a log file.

    Args:
        value: the bytes of the file.
        may_match: the test of one entry.
        find_marks: finds marks in bytes, between two positions; without one, ``may_match`` is false. It returns a range
            if every message may match.
    """
    if isinstance(find_marks(value, 0, 0), range):  # every entry may match, so there is nothing to drop
        return None
    try:
        entries = _DECODER.decode(value).Records
    except msgspec.MsgspecError:
        return None
    suspects = _suspects(value, entries, find_marks)
    if suspects is None:
        return None
    kept = [(number, entry) for number in suspects if may_match(entry := bytes(entries[number]))]
    return Narrowed.of(bytes(entries[0]) if entries else b"", kept, len(entries))


def _suspects(
    value: bytes | bytearray,
    entries: list[msgspec.Raw],
    find_marks: Callable[[bytes | bytearray, int, int], Sequence[int]],
) -> Iterable[int] | None:
    """The indexes of entries that hold marks, in order; all indexes if blanks between entries hide where each one lies.

    ``None`` if an entry is no object.
    """
    first = value.find(b"[") + 1
    *starts, end = accumulate(map(_with_separator, map(len, entries)), initial=first)
    if end + 1 != len(value):
        return range(len(entries)) if all(bytes(entry).startswith(b"{") for entry in entries) else None
    if not set(map(value.__getitem__, starts)) <= _OBJECT:
        return None
    return sorted({bisect_right(starts, position) - 1 for position in find_marks(value, first, end)})
