"""Whether a pair is new, and its memory after a sighting.

Only the distance from last seen to the sighting's time decides, never the order of arrival or the event id:

===============================  ==========  ==============================================  =========
the sighting is                  it is       memory afterwards                               statement
===============================  ==========  ==============================================  =========
of a pair not remembered         first       first = last = time, seen once                  M1
later by more than forget_after  first       as if never seen: first = last = time, once     M8
later by more than the window    returned    last = time, seen once more                     M1
later by the window or less      known       last = time, seen once more                     M1, M2
at last seen                     known       unchanged: a repeat, or the same second         M5
before last seen                 late        first lowered, unless forgotten at last seen    M2, M3
===============================  ==========  ==============================================  =========

So a replay of the same sightings, at any time, leaves the memory as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from streams.detection.memory import PairMemory

if TYPE_CHECKING:
    from streams.detection.decision import DecisionSettings
    from streams.detection.memory import PrincipalMemory

Kind = Literal["first", "returned", "known", "late"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sighting compared with the memory of its pair.

    Attributes:
        kind: the second column of the table.
        time: the sighting's time by the clock (M4), in milliseconds since the epoch.
        previous: the memory of the pair before the sighting; ``None`` for ``first``.
        pair: the memory of the pair after the sighting.
    """

    kind: Kind
    time: int
    previous: PairMemory | None
    pair: PairMemory


@dataclass(frozen=True, slots=True)
class Novelty:
    """Why a sighting is new, for its alert (A5). Times are milliseconds since the epoch.

    Attributes:
        kind: ``first`` or ``returned``.
        time: the sighting's time.
        first_seen: the pair's earliest sighting; for ``first`` this one.
        previous_seen: the pair's latest sighting before this one; ``None`` for ``first``.
        times_seen: how many sightings were later than last seen when they came, including this one.
        others: the principal's pairs with other member accounts, without forgotten pairs (M8).
        learning_ended_at: the time until which sightings only taught (M6); ``None`` without learning.
    """

    kind: Kind
    time: int
    first_seen: int
    previous_seen: int | None
    times_seen: int
    others: tuple[PairMemory, ...]
    learning_ended_at: int | None

    @property
    def gap_seconds(self) -> int | None:
        """Whole seconds since the pair was last seen; ``None`` for ``first``."""
        return None if self.previous_seen is None else (self.time - self.previous_seen) // 1000

    @property
    def principal_is_new(self) -> bool:
        """Whether no pair of the principal was remembered, not even this one."""
        return self.previous_seen is None and not self.others


def forgotten(last_seen: int, now: int, decision_settings: DecisionSettings) -> bool:
    """Whether a pair last seen at ``last_seen`` counts as never seen at ``now``, deleted or not (M8); milliseconds."""
    return now - last_seen > decision_settings.forget_after


def judge(pair: PairMemory | None, time: int, decision_settings: DecisionSettings) -> Judgement:
    """Compare a sighting at ``time`` with the memory of its pair (M1, M2, M3, M8)."""
    if pair is None or forgotten(pair.last_seen, time, decision_settings):
        return Judgement("first", time, None, PairMemory(first_seen=time, last_seen=time, times_seen=1))
    if time < pair.last_seen:
        return Judgement("late", time, pair, _lowered(pair, time, decision_settings))
    if time == pair.last_seen:
        return Judgement("known", time, pair, pair)
    kind: Kind = "returned" if time - pair.last_seen > decision_settings.window else "known"
    return Judgement(kind, time, pair, replace(pair, last_seen=time, times_seen=pair.times_seen + 1))


def _lowered(pair: PairMemory, time: int, decision_settings: DecisionSettings) -> PairMemory:
    # A replayed sighting must not bring back a first seen that M8 has forgotten. The age is measured from last seen,
    # which only grows, so a replay lowers only what was lowered the first time.
    if time < pair.first_seen and not forgotten(time, pair.last_seen, decision_settings):
        return replace(pair, first_seen=time)
    return pair


def describe(
    judgement: Judgement, member_account: str, memory: PrincipalMemory, decision_settings: DecisionSettings
) -> Novelty:
    """Describe why a ``first`` or ``returned`` sighting is new; this reads all pairs of the principal.

    Args:
        judgement: the judgement of the sighting.
        member_account: the sighting's member account.
        memory: the memory of its principal, before this sighting.
        decision_settings: the settings.
    """
    return Novelty(
        kind=judgement.kind,
        time=judgement.time,
        first_seen=judgement.pair.first_seen,
        previous_seen=None if judgement.previous is None else judgement.previous.last_seen,
        times_seen=judgement.pair.times_seen,
        others=tuple(
            pair
            for account, pair in memory.pairs()
            if account != member_account and not forgotten(pair.last_seen, judgement.time, decision_settings)
        ),
        learning_ended_at=decision_settings.learn_until,
    )
