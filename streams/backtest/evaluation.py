"""Decides on sightings in order of time, with a memory of its own: live state is neither read nor written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams import pipeline
from streams.backtest.sources.span import DAY
from streams.detection.dict_memory import DictMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision, DecisionSettings
    from streams.rules.rule import Rule

SWEEP_EVERY = 200_000
"""After this many sightings, forgotten pairs (M8) are deleted from the memory, so that it stays bounded."""


@dataclass(slots=True)
class Verdicts:
    """The counts of what was decided.

    Attributes:
        outcomes: how many sightings, by outcome: ``alert``, ``overflow``, ``known``, ``late``, ``learned``,
            ``excepted``.
        alerts: how many alerts, without overflow, by (severity, novelty).
        excepted: how many sightings, by the exception's position in its file.
        principals: how many sightings, by principal.
        first: the earliest sighting's time, in milliseconds; ``None`` without any.
        last: the latest sighting's time.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    excepted: Counter[int] = field(default_factory=Counter)
    principals: Counter[str] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None

    def count(self, sighting: Sighting, decision: Decision) -> None:
        """Count one decision; decisions come in order of time."""
        self.outcomes[decision.outcome] += 1
        self.principals[sighting.values[0]] += 1
        if self.first is None:
            self.first = decision.time
        self.last = decision.time
        if decision.exception is not None:
            self.excepted[decision.exception] += 1
        if decision.alert is not None and decision.outcome == "alert":
            self.alerts[decision.alert["rule"]["severity"], decision.alert["novelty"]["kind"]] += 1


def evaluate(
    ordered: Iterable[Sighting], rule: Rule, decision_settings: DecisionSettings
) -> Iterator[tuple[Sighting, Decision]]:
    """Decide on sightings that come in order of time, beginning with an empty memory."""
    memory: dict[str, DictMemory] = {}
    for handled, sighting in enumerate(ordered, 1):
        principal = memory.get(sighting.values[0])
        if principal is None:
            principal = memory[sighting.values[0]] = DictMemory()
        decision = pipeline.detect(sighting, principal, rule, decision_settings)
        principal.apply(sighting, decision)
        yield sighting, decision
        if handled % SWEEP_EVERY == 0:
            _forget(memory, decision.time, decision_settings)


def _forget(memory: dict[str, DictMemory], now: int, decision_settings: DecisionSettings) -> None:
    """Delete what counts as never seen from ``now`` on (M8). No later sighting is older, so no decision changes."""
    for name, principal in list(memory.items()):
        for account, pair in list(principal.accounts.items()):
            if pipeline.forgotten(pair.last_seen, now, decision_settings):
                del principal.accounts[account]
        if not principal.accounts and all(start + DAY < now for start in principal.buckets):
            del memory[name]
