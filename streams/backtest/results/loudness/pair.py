"""Compares two rules, or two variants of one, over the same past: which events only one of them alerts on (U13).

Rules:
- Two rules say the same if both alert on the same event. Their terms may differ, so tuples cannot be compared.
- An alert above the cap does not count: nobody is called for it.
- An event has one moment and one id, so all decisions on it follow each other (M9). So nothing is kept of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from streams.backtest.results.loudness.counts import NO_PRINCIPAL, number_of
from streams.backtest.results.term_words import values_in_words
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision

MOST_KEPT = 1_000
"""How many events are kept of each side, the first ones."""

LINES_SHOWN = 10
"""How many events the summary names of each side."""

_WHY = {
    "known": "these terms are known",
    "late": "these terms are known, by a later sighting",
    "overflow": "above its cap",
    "learned": "it is learning",
    "excepted": "an exception matches",
    "unknown": "its memory is full",
}
_NOT_TAKEN = "it does not take the event, or finds no value of its terms"


class OneSided(NamedTuple):
    """An event on which only one rule alerts.

    Attributes:
        time: of the event by the rules' clock, in milliseconds.
        event_id: its id.
        principal: the ARN of who did it.
        terms: the terms that are new, in words.
        why_not: why the other rule does not alert, in words.
    """

    time: int
    event_id: str
    principal: str
    terms: str
    why_not: str

    def __str__(self) -> str:
        by = "" if self.principal in self.terms else f" by {self.principal}"
        return f"{to_iso8601(self.time)} {self.terms}{by} (event {self.event_id})"


@dataclass(slots=True)
class Side:
    """What one rule says alone: the number of its events, and the first of them."""

    rule_id: str
    count: int = 0
    events: list[OneSided] = field(default_factory=list)


class Pair:
    """Observes the decisions of two rules. Its results are right after ``finish``."""

    def __init__(self, first: str, second: str) -> None:
        """Compare the rules with these ids."""
        self.sides = (Side(first), Side(second))
        self.both = 0
        self._event: tuple[int, str] | None = None
        self._decided: dict[str, tuple[Sighting, str]] = {}

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision; they come in the order of evaluation."""
        event = decision.time, sighting.event.id
        if event != self._event:
            self.finish()
            self._event = event
        before = self._decided.get(sighting.rule_id)
        if before is None or (decision.outcome == "alert" and before[1] != "alert"):
            self._decided[sighting.rule_id] = sighting, decision.outcome

    def finish(self) -> None:
        """Count the event of the last decisions."""
        decided, self._decided = self._decided, {}
        said = [decided.get(side.rule_id, (None, ""))[1] == "alert" for side in self.sides]
        if all(said):
            self.both += 1
        elif any(said):
            side, other = self.sides if said[0] else reversed(self.sides)
            side.count += 1
            if len(side.events) < MOST_KEPT:
                sighting, _ = decided[side.rule_id]
                why = _WHY.get(decided[other.rule_id][1], "") if other.rule_id in decided else _NOT_TAKEN
                terms = values_in_words([(term.field, term.value) for term in sighting.terms])
                time, event_id = self._event or (0, "")
                side.events.append(OneSided(time, event_id, sighting.principal or NO_PRINCIPAL, terms, why))

    def lines(self) -> Iterator[str]:
        """For a person: how many events, and the first ones of each side."""
        first, second = self.sides
        yield (
            f"what-if      {number_of(self.both, 'event')} in both, {first.count:,} only {first.rule_id}, "
            f"{second.count:,} only {second.rule_id}"
        )
        for side, other in (self.sides, self.sides[::-1]):
            if side.count:
                yield f"  only {side.rule_id}, and why not {other.rule_id}:"
            for event in side.events[:LINES_SHOWN]:
                yield f"    {event}: {event.why_not}"
            if side.count > LINES_SHOWN:
                yield f"    … and {side.count - LINES_SHOWN:,} more"
