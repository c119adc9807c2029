"""Decides on sightings in order of time, with a memory of its own: live state is neither read nor written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field, structs

from streams import pipeline
from streams.backtest.sources.span import DAY
from streams.detection.dict_memory import DictMemory
from streams.pipeline import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streams.extraction.sighting import AnySighting, Sighting
    from streams.fields.view import View
    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import RuleSet

SWEEP_EVERY = 200_000
"""After this many sightings, forgotten tuples (M8) are deleted from the memory, so that it stays bounded."""


class Verdicts(Struct):
    """The counts of what was decided; a variant of a rule is counted in ``rules`` alone.

    Attributes:
        outcomes: how many sightings, by outcome: ``alert``, ``overflow``, ``known``, ``late``, ``learned``,
            ``excepted``, ``unknown``, ``gone``.
        rules: the same of each rule, by rule id.
        alerts: how many alerts, without overflow, by (severity, novelty).
        excepted: how many sightings, by the exception's position in its file.
        groups: how many sightings, by rule id and value of the first term.
        first: the earliest sighting's time, in milliseconds; ``None`` without any.
        last: the latest sighting's time.
        variants: the ids of variants.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Counter[str]] = field(default_factory=dict)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    excepted: Counter[int] = field(default_factory=Counter)
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: int | None = None
    last: int | None = None
    variants: frozenset[str] = frozenset()

    def count(self, sighting: Sighting, decision: Decision) -> None:
        """Count one decision; decisions come in order of time."""
        self.rules.setdefault(sighting.rule_id, Counter())[decision.outcome] += 1
        if sighting.rule_id in self.variants:
            return
        self.outcomes[decision.outcome] += 1
        self.groups[sighting.rule_id, sighting.values[0]] += 1
        if self.first is None:
            self.first = decision.time
        self.last = decision.time
        if decision.exception is not None:
            self.excepted[decision.exception] += 1
        if decision.alert is not None and decision.outcome == "alert":
            self.alerts[decision.alert.rule.severity, decision.alert.novelty.kind] += 1


class Judging(Struct, frozen=True):
    """How to decide.

    Attributes:
        rules: the rules that run.
        settings: the settings of their decisions, by rule id.
        view_of: reads the fields of a sighting's record again, for exceptions with a query.
        variants: by rule id, the id of a variant that is decided on the same sightings.
    """

    rules: RuleSet
    settings: Mapping[str, DecisionSettings]
    view_of: Callable[[AnySighting], View]
    variants: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> Literal["event", "record"]:
        """The clock of all rules (M4)."""
        return next(iter(self.settings.values())).clock


def evaluate(ordered: Iterable[Sighting], judging: Judging) -> Iterator[tuple[Sighting, Decision]]:
    """Decide on sightings that come in order of time, beginning with an empty memory: one partition knows no rule."""
    memory = DictMemory()
    for handled, sighting in enumerate(_with_variants(ordered, judging.variants), 1):
        rule = pipeline.rule_of(sighting, judging.rules)
        if rule is None:
            yield sighting, Decision("gone", sighting.time_by(judging.clock))
            continue
        settings = judging.settings[sighting.rule_id]
        decision = pipeline.detect(sighting, memory.group(sighting), rule, settings, judging.view_of)
        memory.apply(sighting, decision)
        yield sighting, decision
        if handled % SWEEP_EVERY == 0:
            _forget(memory, decision.time, judging.settings)


def _with_variants(ordered: Iterable[Sighting], variants: Mapping[str, str]) -> Iterable[Sighting]:
    """The sightings, each followed by the same one of its rule's variant, if there is one."""
    if not variants:
        return ordered
    return (
        structs.replace(sighting, rule_id=rule_id)
        for sighting in ordered
        for rule_id in (sighting.rule_id, variants.get(sighting.rule_id))
        if rule_id is not None
    )


def _forget(memory: DictMemory, now: int, settings: Mapping[str, DecisionSettings]) -> None:
    """Delete what has no effect from ``now`` on (M8). No later sighting is older, so no decision changes."""
    for key, group in list(memory.groups.items()):
        rule_id = key[0]
        for values, remembered in list(group.tuples.items()):
            if pipeline.is_deletable(remembered.last_seen, now, settings[rule_id].forget_after):
                del group.tuples[values]
                state = memory.states[rule_id]
                memory.states[rule_id] = state.with_entries(state.entries - 1)
        if not group.tuples and all(start + DAY < now for start in group.buckets):
            del memory.groups[key]
