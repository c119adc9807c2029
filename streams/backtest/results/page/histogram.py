"""Counts over a time that is not known beforehand: as it grows, the columns get wider."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
WIDTHS = (
    *(_MINUTE, 5 * _MINUTE, 15 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 7 * _DAY, 28 * _DAY, 364 * _DAY, 3_640 * _DAY, 36_400 * _DAY),
)
"""Widths of a column in milliseconds; each is a multiple of the one before it, or nearly so."""

MOST_COLUMNS = 60
_MOST_KEPT = 1_000


@dataclass(slots=True)
class Column:
    """The counts of one stretch of time, from ``start`` on (milliseconds), by kind."""

    start: int
    counts: Counter[str] = field(default_factory=Counter)


class Histogram:
    """Counts of several kinds over time."""

    def __init__(self) -> None:
        self._level = 0
        self._kept: dict[int, Counter[str]] = {}

    @property
    def width(self) -> int:
        """The width of a column in milliseconds."""
        return WIDTHS[self._level]

    def count(self, time: int, kind: str) -> None:
        """Count one of a kind at ``time`` (milliseconds)."""
        self._kept.setdefault(time // self.width * self.width, Counter())[kind] += 1
        while len(self._kept) > _MOST_KEPT and self._level < len(WIDTHS) - 1:
            self._widen()

    def columns(self) -> list[Column]:
        """At most ``MOST_COLUMNS`` columns, from the first to the last, without gaps; none if nothing was counted."""
        if not self._kept:
            return []
        while self._level < len(WIDTHS) - 1 and len(self._starts()) > MOST_COLUMNS:
            self._widen()
        return [Column(start, self._kept.get(start, Counter())) for start in self._starts()]

    def _starts(self) -> range:
        return range(min(self._kept), max(self._kept) + 1, self.width)

    def _widen(self) -> None:
        self._level += 1
        finer, self._kept = self._kept, {}
        for start, counts in finer.items():
            self._kept.setdefault(start // self.width * self.width, Counter()).update(counts)
