"""Large summaries of groups as bytes, without reading and writing all of their days again and again.

A summary may count tuples of hundreds of days, and a batch changes one or two of them. So the last few large summaries
are kept under their stored bytes, with the bytes of each day. Nothing else names them: whoever else writes the store,
and whatever is restored, other bytes are another summary.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from streams.wire.generated.numbers import number_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.detection.group_summary import GroupSummary, SeenOnDay

LARGE = 16  # days; smaller ones cost less than to find them here
LARGE_BYTES = 128
_MOST = 64  # each of some 50 kB


class _Kept(NamedTuple):
    summary: GroupSummary
    rows: list[bytes] | None  # the bytes of its days, if they were written here


class LargeSummaries:
    """The last large summaries.

    Args:
        header: what the bytes of a summary begin with.
    """

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def decode(self, value: bytes, decode: Callable[[bytes], GroupSummary]) -> GroupSummary:
        """Return the summary of these bytes, which ``decode`` reads if they are not known; raises as it does."""
        kept = self._kept.get(value)
        if kept is not None:
            self._kept.move_to_end(value)
            return kept.summary
        summary = decode(value)
        self._keep(value, _Kept(summary, None))
        return summary

    def encode(self, summary: GroupSummary, before: bytes | None) -> bytes:
        """Return the bytes of a summary.

        Args:
            summary: the summary; it has a day.
            before: the stored bytes of an earlier summary of the group, most of whose days are the same.

        Raises:
            OddError: a number has 64 bits.
        """
        kept = None if before is None else self._kept.get(before)
        rows = _rows(summary.days, () if kept is None else kept.summary.days, [] if kept is None else kept.rows or [])
        value = b"".join((self._header, number_bytes(len(rows)), *rows, b"\0"))
        self._keep(value, _Kept(summary, rows))
        return value

    def _keep(self, value: bytes, kept: _Kept) -> None:
        self._kept[value] = kept
        self._kept.move_to_end(value)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _rows(days: Sequence[SeenOnDay], old: Sequence[SeenOnDay], rows: list[bytes]) -> list[bytes]:
    """The bytes of days; ``rows`` has those of the old days, or nothing."""
    same = min(len(old), len(rows), len(days)) - 1
    if same > 0 and old[:same] == days[:same]:  # most often only the last day differs
        return rows[:same] + [_row(day) for day in days[same:]]
    known = dict(zip(map(id, old), rows, strict=False))  # the old days are alive, so no other has the identity of one
    return [known.get(id(day)) or _row(day) for day in days]


def _row(day: SeenOnDay) -> bytes:
    if not day.first_seen:
        return number_bytes(day.day) + number_bytes(day.tuples) + b"\0"
    numbers = (day.day, day.tuples, len(day.first_seen), *day.first_seen)
    return b"".join([*map(number_bytes, numbers), b"\0"])
