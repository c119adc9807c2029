"""Whether a tuple is new, and its memory after a sighting.

Only the distance from last seen to the sighting's time decides, never the order of arrival or the event id:

===============================  ==========  ==============================================  =========
the sighting is                  it is       memory afterwards                               statement
===============================  ==========  ==============================================  =========
of a tuple not remembered        first       first = last = time, seen once                  M1
later by more than forget_after  first       as if never seen: first = last = time, once     M8
later by more than the window    returned    last = time, seen once more                     M1
later by the window or less      known       last = time, seen once more                     M1, M2
at last seen                     known       unchanged: a repeat, or the same second         M5
before last seen                 late        first lowered, unless forgotten at last seen    M2, M3
===============================  ==========  ==============================================  =========

So a replay of the same sightings, at any time, leaves the memory as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from streams.detection.group_summary import DAY
from streams.detection.memory import TupleMemory

if TYPE_CHECKING:
    from streams.detection.decision import DecisionSettings
    from streams.detection.group_summary import Others

Kind = Literal["first", "returned", "known", "late", "unknown"]


class Judgement(Struct, frozen=True, gc=False):
    """A sighting compared with the memory of its tuple.

    Attributes:
        kind: the second column of the table; never ``unknown``.
        time: the sighting's time by the clock (M4), in milliseconds since the epoch.
        previous: the memory of the tuple before the sighting; ``None`` for ``first``.
        memory: the memory of the tuple after the sighting.
    """

    kind: Kind
    time: int
    previous: TupleMemory | None
    memory: TupleMemory


class Novelty(Struct, frozen=True, gc=False):
    """Why a sighting is new, for its alert (A5). Times are milliseconds since the epoch.

    Attributes:
        kind: ``first`` or ``returned``; ``unknown`` if the rule remembers as much as it may (U11).
        time: the sighting's time.
        first_seen: the tuple's earliest sighting; for ``first`` and ``unknown`` this one.
        previous_seen: the tuple's latest sighting before this one; ``None`` but for ``returned``.
        times_seen: how many sightings were later than last seen when they came, including this one.
        others: the other tuples of the group that are remembered (U5).
        learning_ended_at: the time until which sightings only taught (M6, U6); ``None`` without learning.
    """

    kind: Kind
    time: int
    first_seen: int
    previous_seen: int | None
    times_seen: int
    others: Others
    learning_ended_at: int | None

    @property
    def gap_seconds(self) -> int | None:
        """Whole seconds since the tuple was last seen; ``None`` but for ``returned``."""
        return None if self.previous_seen is None else (self.time - self.previous_seen) // 1000

    @property
    def group_is_new(self) -> bool:
        """Whether no tuple of the group was remembered, not even this one."""
        return self.previous_seen is None and not self.others.number


def forgotten(last_seen: int, now: int, forget_after: int) -> bool:
    """Whether a tuple last seen at ``last_seen`` counts as never seen at ``now``, deleted or not (M8); milliseconds."""
    return now - last_seen > forget_after


def is_deletable(last_seen: int, now: int, forget_after: int) -> bool:
    """Whether the memory of a tuple has no effect at ``now`` or later (M8); milliseconds."""
    return last_seen < deletable_before(now, forget_after)


def deletable_before(now: int, forget_after: int) -> int:
    """Return before which last sighting the memory of a tuple has no effect at ``now`` or later (M8); milliseconds.

    It is up to a day after it is forgotten, because a group's summary counts by days (U5).
    """
    return (now - forget_after) // DAY * DAY


def judge(remembered: TupleMemory | None, time: int, decision_settings: DecisionSettings) -> Judgement:
    """Compare a sighting at ``time`` with the memory of its tuple (M1, M2, M3, M8)."""
    if remembered is None or forgotten(remembered.last_seen, time, decision_settings.forget_after):
        return Judgement("first", time, None, TupleMemory(first_seen=time, last_seen=time, times_seen=1))
    if time < remembered.last_seen:
        return Judgement("late", time, remembered, _lowered(remembered, time, decision_settings))
    if time == remembered.last_seen:
        return Judgement("known", time, remembered, remembered)
    kind: Kind = "returned" if time - remembered.last_seen > decision_settings.window else "known"
    after = TupleMemory(remembered.first_seen, time, remembered.times_seen + 1)
    return Judgement(kind, time, remembered, after)


def _lowered(remembered: TupleMemory, time: int, decision_settings: DecisionSettings) -> TupleMemory:
    # A replayed sighting must not bring back a first seen that M8 has forgotten. The age is measured from last seen,
    # which only grows, so a replay lowers only what was lowered the first time.
    if time < remembered.first_seen and not forgotten(time, remembered.last_seen, decision_settings.forget_after):
        return replace(remembered, first_seen=time)
    return remembered


def describe(judgement: Judgement, kind: Kind, others: Others, learning_ended_at: int | None) -> Novelty:
    """Describe why a sighting is new.

    Args:
        judgement: the judgement of the sighting.
        kind: ``first``, ``returned`` or ``unknown``.
        others: the other tuples of its group that are remembered.
        learning_ended_at: the time until which sightings only taught; ``None`` without learning.
    """
    return Novelty(
        kind=kind,
        time=judgement.time,
        first_seen=judgement.memory.first_seen,
        previous_seen=None if judgement.previous is None else judgement.previous.last_seen,
        times_seen=judgement.memory.times_seen,
        others=others,
        learning_ended_at=learning_ended_at,
    )
