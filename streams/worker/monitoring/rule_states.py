"""What this worker's own partitions know of each rule: whether it learns (U6), and how much it remembers (U11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streams.detection.learning import learning_ends_at, met
from streams.wire.stored import memory as codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import RuleSet
    from streams.worker.state.table import OpenStore


class RuleCondition(NamedTuple):
    """The condition of one rule.

    Attributes:
        rule_id: the rule.
        entries: how many tuples are remembered.
        is_learning: whether a sighting of now teaches and does not alert, in any partition.
        is_saturated: whether any partition remembers as much as it may.
    """

    rule_id: str
    entries: int
    is_learning: bool
    is_saturated: bool


@dataclass(frozen=True, slots=True)
class RuleStates:
    """Reads the conditions from the stores: one small value per rule and partition.

    Attributes:
        stores: gives the stores that are open here.
        rules: the rules that run.
        settings: the settings of decisions, by rule id.
    """

    stores: Callable[[], Sequence[OpenStore]]
    rules: RuleSet
    settings: Mapping[str, DecisionSettings]

    def conditions(self, now: int) -> Iterator[RuleCondition]:
        """Give the condition of each rule at ``now``, in milliseconds since the epoch."""
        own = [opened.store for opened in self.stores() if opened.is_active]
        for rule in self.rules.rules:
            settings = self.settings[rule.rule.id]
            key = codec.rule_key(rule.rule.id)
            values = [store.get(key) for store in own]
            known = [None if value is None else codec.decode_rule(value) for value in values]
            states = [met(state, rule, now) for state in known]
            ends = [learning_ends_at(state, settings) for state in states]
            yield RuleCondition(
                rule.rule.id,
                sum(state.entries for state in states),
                any(end is not None and now <= end for end in ends),
                any(state.entries >= settings.max_entries for state in states),
            )
