"""The summary of a group: how many of its tuples were last seen on each UTC day, and since when (U5).

It makes a decision cost the same for the first and the hundred-thousandth tuple of a group. A summary that is missing
is made anew from the group's tuples. A group of one term is one tuple, which has no others and so no summary.

Of each day only the two earliest first sightings are kept, and only those that at most one other can replace. A tuple
with a later last seen and an earlier first seen counts whenever this one counts, so two of them hide it for good:
tuples only move to later days and to earlier first sightings. Two, because a tuple is not among its own others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.detection.memory import TupleMemory

DAY = 86_400_000
"""A day in milliseconds."""

SMALL = 4
"""A group of no more tuples needs no stored summary, because to count it costs as little. Most groups are so small."""

_KEPT = 2


class Others(NamedTuple):
    """The other tuples of a group that are remembered at a sighting.

    Attributes:
        number: how many.
        since: the earliest first sighting of them, in milliseconds since the epoch; ``None`` without any.
    """

    number: int
    since: int | None


class SeenOnDay(NamedTuple):
    """The tuples that were last seen on one day.

    Attributes:
        day: the UTC day, in days since the epoch.
        tuples: how many.
        first_seen: up to two of their first sightings, the earliest first, in milliseconds since the epoch.
    """

    day: int
    tuples: int
    first_seen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The summary of a group.

    Attributes:
        days: by day, the earliest first; no day is empty.
    """

    days: tuple[SeenOnDay, ...] = ()

    @classmethod
    def of(cls, tuples: Iterable[TupleMemory]) -> GroupSummary:
        """Return the summary of these tuples."""
        counts: dict[int, int] = {}
        earliest: dict[int, tuple[int, ...]] = {}
        for remembered in tuples:
            day = remembered.last_seen // DAY
            counts[day] = counts.get(day, 0) + 1
            earliest[day] = tuple(sorted((*earliest.get(day, ()), remembered.first_seen))[:_KEPT])
        return cls(_pruned(counts, earliest))

    @property
    def tuples(self) -> int:
        """How many tuples it counts."""
        return sum(seen.tuples for seen in self.days)

    @property
    def last_seen(self) -> int:
        """The start of the latest day, in milliseconds since the epoch; 0 for an empty summary."""
        return self.days[-1].day * DAY if self.days else 0

    def others(self, own: TupleMemory | None, earliest_day: int) -> Others:
        """Return the tuples last seen on this UTC day or later, except one.

        Args:
            own: the tuple that does not count; ``None`` if it is not remembered.
            earliest_day: in days since the epoch.
        """
        number = 0
        since: list[int] = []
        own_day = None if own is None else own.last_seen // DAY
        for day, tuples, first_seen in reversed(self.days):
            if day < earliest_day:
                break
            number += tuples - (day == own_day)  # its day may have been dropped: then a late sighting asks
            since += first_seen
            if own is not None and day == own_day and own.first_seen in first_seen:
                since.remove(own.first_seen)
        if number <= 0:
            return Others(0, None)
        # After a tuple was forgotten and seen anew, those that it hid may be without a first sighting.
        return Others(number, min(since) if since else earliest_day * DAY)

    def moved(self, before: TupleMemory | None, after: TupleMemory, forget_after: int) -> GroupSummary:
        """Return the summary after a sighting.

        Args:
            before: the memory of the sighting's tuple before it; ``None`` if it was not remembered.
            after: the memory of the tuple after it.
            forget_after: the setting, in milliseconds; older days are dropped.
        """
        day = after.last_seen // DAY
        if before is not None and before.last_seen // DAY == day and before.first_seen == after.first_seen:
            return self
        counts = {seen.day: seen.tuples for seen in self.days}
        earliest = {seen.day: seen.first_seen for seen in self.days}
        if before is not None:
            _take_out(counts, earliest, before)
        counts[day] = counts.get(day, 0) + 1
        earliest[day] = tuple(sorted((*earliest.get(day, ()), after.first_seen))[:_KEPT])
        oldest = max(counts) - forget_after // DAY - 1
        return GroupSummary(_pruned({day: count for day, count in counts.items() if day >= oldest}, earliest))


def _take_out(counts: dict[int, int], earliest: dict[int, tuple[int, ...]], before: TupleMemory) -> None:
    day = before.last_seen // DAY
    if day not in counts:  # dropped as too old
        return
    counts[day] -= 1
    left = list(earliest[day])
    if before.first_seen in left:
        left.remove(before.first_seen)
    earliest[day] = tuple(left)
    if counts[day] == 0:
        del counts[day]


def _pruned(counts: dict[int, int], earliest: dict[int, tuple[int, ...]]) -> tuple[SeenOnDay, ...]:
    """Return the days with the first sightings that fewer than two of later or equal days replace."""
    days: list[SeenOnDay] = []
    best: list[int] = []  # the two earliest first sightings so far
    for day in sorted(counts, reverse=True):
        kept = []
        for first_seen in earliest.get(day, ()):
            if len(best) < _KEPT or first_seen < best[-1]:
                kept.append(first_seen)
                best = sorted((*best, first_seen))[:_KEPT]
        days.append(SeenOnDay(day, counts[day], tuple(kept)))
    return tuple(reversed(days))
