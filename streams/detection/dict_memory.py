"""The memory of one partition in plain dicts: for ``backtest``, and the model for the tests of other stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection.group_summary import GroupSummary

if TYPE_CHECKING:
    from streams.detection.decision import Decision
    from streams.detection.memory import CapBucket, RuleState, TupleMemory
    from streams.extraction.sighting import Sighting


class DictGroup:
    """A ``GroupMemory``.

    Attributes:
        tuples: the memory of the group's tuples, by their values.
        buckets: the cap's buckets, by start.
        summarised: the summary of the tuples.
    """

    __slots__ = ("_rule_id", "_states", "buckets", "summarised", "tuples")

    def __init__(self, rule_id: str, states: dict[str, RuleState]) -> None:
        self.tuples: dict[tuple[str, ...], TupleMemory] = {}
        self.buckets: dict[int, CapBucket] = {}
        self.summarised = GroupSummary()
        self._rule_id = rule_id
        self._states = states

    def remembered(self, values: tuple[str, ...]) -> TupleMemory | None:
        """See ``GroupMemory``."""
        return self.tuples.get(values)

    def summary(self) -> GroupSummary:
        """See ``GroupMemory``."""
        return self.summarised

    def bucket(self, start: int) -> CapBucket | None:
        """See ``GroupMemory``."""
        return self.buckets.get(start)

    def buckets_until(self, start: int) -> list[int]:
        """See ``GroupMemory``."""
        return [each for each in self.buckets if each <= start]

    def rule_state(self) -> RuleState | None:
        """See ``GroupMemory``."""
        return self._states.get(self._rule_id)


class DictMemory:
    """A partition to which decisions are applied.

    Attributes:
        groups: by rule id and value of the first term.
        states: what the partition knows of each rule, by rule id.
    """

    __slots__ = ("groups", "states")

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], DictGroup] = {}
        self.states: dict[str, RuleState] = {}

    def group(self, sighting: Sighting) -> DictGroup:
        """Return the memory of the sighting's group."""
        key = (sighting.rule_id, sighting.terms[0].value)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = DictGroup(sighting.rule_id, self.states)
        return group

    def apply(self, sighting: Sighting, decision: Decision) -> None:
        """Apply the decision on a sighting."""
        group = self.group(sighting)
        for start in decision.dropped_buckets:
            group.buckets.pop(start, None)
        if decision.bucket is not None:
            group.buckets[decision.bucket.start] = decision.bucket
        if decision.memory is not None:
            group.tuples[sighting.values] = decision.memory
        if decision.summary is not None:
            group.summarised = decision.summary
        if decision.rule_state is not None:
            self.states[sighting.rule_id] = decision.rule_state
