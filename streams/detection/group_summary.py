"""The summary of a group: how many of its tuples were last seen on each UTC day, and since when (U5).

It makes a decision cost the same for the first and the hundred-thousandth tuple of a group. A summary that is missing
is made anew from the group's tuples. A group of one term is one tuple, which has no others and so no summary.

Of each day only the two earliest first sightings are kept, and only those that at most one other can replace. A tuple
with a later last seen and an earlier first seen counts whenever this one counts, so two of them hide it for good:
tuples only move to later days and to earlier first sightings. Two, because a tuple is not among its own others.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


class GroupSummary(Struct, frozen=True, gc=False):
    """The summary of a group.

    Attributes:
        days: by day, the earliest first; no day is empty.
    """

    days: tuple[SeenOnDay, ...] = ()

    @classmethod
    def of(cls, tuples: Iterable[TupleMemory]) -> GroupSummary:
        """Return the summary of these tuples."""
        tuples = list(tuples)
        if len(tuples) <= 1:  # most groups are new
            return _EMPTY if not tuples else _EMPTY.moved(None, tuples[0], 0)
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
        counted = self.days[_place(self.days, earliest_day) :]
        number = sum(map(_TUPLES, counted))
        since = [*chain.from_iterable(map(_FIRST_SEEN, counted))]
        if own is not None:
            own_day = _found(counted, own.last_seen // DAY)  # it may have been dropped: then a late sighting asks
            if own_day is not None:
                number -= 1
                if own.first_seen in own_day.first_seen:
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
        if not self.days:
            return GroupSummary((SeenOnDay(day, 1, (after.first_seen,)),))
        if before is not None and before.last_seen // DAY == day and before.first_seen == after.first_seen:
            return self
        days = list(self.days)
        if before is not None:
            _take_out(days, before)
        place, found = _place(days, day), _found(days, day)
        if found is None:
            days.insert(place, SeenOnDay(day, 1, (after.first_seen,)))
        else:
            earliest = tuple(sorted((*found.first_seen, after.first_seen))[:_KEPT])
            days[place] = SeenOnDay(day, found.tuples + 1, earliest)
        _prune_below(days, place, after.first_seen)
        oldest = days[-1].day - forget_after // DAY - 1
        return GroupSummary(tuple(days[_place(days, oldest) :]))


_EMPTY = GroupSummary()
_DAY, _TUPLES, _FIRST_SEEN = itemgetter(0), itemgetter(1), itemgetter(2)


def _place(days: Sequence[SeenOnDay], day: int) -> int:
    """Return the place of the first day at or after a day; most often that is the last one, or behind it."""
    if not days or days[-1].day < day:
        return len(days)
    return bisect_left(days, day, key=_DAY)


def _found(days: Sequence[SeenOnDay], day: int) -> SeenOnDay | None:
    place = _place(days, day)
    return days[place] if place < len(days) and days[place].day == day else None


def _take_out(days: list[SeenOnDay], before: TupleMemory) -> None:
    day = before.last_seen // DAY
    found = _found(days, day)
    if found is None:  # dropped as too old
        return
    place = _place(days, day)
    if found.tuples == 1:
        del days[place]
        return
    left = list(found.first_seen)
    if before.first_seen in left:
        left.remove(before.first_seen)
    days[place] = SeenOnDay(day, found.tuples - 1, tuple(left))


def _prune_below(days: list[SeenOnDay], place: int, first_seen: int) -> None:
    """Prune after a first sighting was added at a place: nothing changes where two others are earlier than it."""
    best = sorted(chain.from_iterable(map(_FIRST_SEEN, days[place + 1 :])))[:_KEPT]
    for at in range(place, -1, -1):
        if len(best) == _KEPT and best[-1] < first_seen and at < place:
            break
        kept, best = _kept(days[at].first_seen, best)
        if kept != days[at].first_seen:
            days[at] = days[at]._replace(first_seen=kept)


def _kept(first_seen: tuple[int, ...], best: list[int]) -> tuple[tuple[int, ...], list[int]]:
    """Return the first sightings of a day that fewer than two of later days replace, and the two earliest so far."""
    kept = []
    for each in first_seen:
        if len(best) < _KEPT or each < best[-1]:
            kept.append(each)
            best = sorted((*best, each))[:_KEPT]
    return tuple(kept), best


def _pruned(counts: dict[int, int], earliest: dict[int, tuple[int, ...]]) -> tuple[SeenOnDay, ...]:
    """Return the days with the first sightings that fewer than two of later or equal days replace."""
    days: list[SeenOnDay] = []
    best: list[int] = []  # the two earliest first sightings so far
    for day in sorted(counts, reverse=True):
        kept, best = _kept(earliest.get(day, ()), best)
        days.append(SeenOnDay(day, counts[day], kept))
    return tuple(reversed(days))
