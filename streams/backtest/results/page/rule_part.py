"""What the report shows of one rule: the values of its terms, and the task policies of its calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streams.backtest.results.term_words import PAIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.extraction.sighting import Sighting
    from streams.rules.rule import Rule

FIRST_SHOWN = 40
"""How many values of the first term are shown, the most frequent ones."""

OTHERS_SHOWN = 30
"""How many values of the other terms are shown, the most frequent ones."""

SHADES = 4

_NO_POLICY = "no task policy"
_Value = TypeVar("_Value", str, tuple[str, ...])


@dataclass(slots=True)
class Counts:
    """How many sightings, and how many alerts among them, overflow included."""

    sightings: int = 0
    alerts: int = 0

    def add(self, *, has_alert: bool) -> None:
        """Count one more sighting."""
        self.sightings += 1
        self.alerts += has_alert


class Grid(NamedTuple):
    """What is shown of the values of a rule's terms: the first term's by row, those of the others by column.

    A rule of one term has no columns.

    Attributes:
        title: what is counted.
        first: the name of the first term.
        rows: the most frequent values of the first term.
        rows_left: how many more there are.
        columns: the most frequent values of the other terms; several are joined by `` · ``.
        columns_left: how many more there are.
        words: what rows and columns hold, in words.
    """

    title: str
    first: str
    rows: Sequence[str]
    rows_left: int
    columns: Sequence[tuple[str, ...]]
    columns_left: int
    words: tuple[str, str]


@dataclass(slots=True)
class RulePart:
    """Collects what the page shows of one rule.

    Attributes:
        tuples: by value of the first term, and values of the others.
        policies: by task policy.
        alert_count: the number of all alerts.
    """

    tuples: dict[tuple[str, tuple[str, ...]], Counts] = field(default_factory=dict)
    policies: dict[str, Counts] = field(default_factory=dict)
    alert_count: int = 0

    def count(self, sighting: Sighting, *, has_alert: bool) -> None:
        """Count one sighting."""
        first, *others = sighting.values
        self.tuples.setdefault((first, tuple(others)), Counts()).add(has_alert=has_alert)
        policy = sighting.event.task_policy or _NO_POLICY
        self.policies.setdefault(policy, Counts()).add(has_alert=has_alert)
        self.alert_count += has_alert

    def grid(self, rule: Rule) -> Grid:
        """The values that are shown."""
        firsts: Counter[str] = Counter()
        others: Counter[tuple[str, ...]] = Counter()
        for (first, rest), counts in self.tuples.items():
            firsts[first] += counts.sightings
            others[rest] += counts.sightings
        rows = _by_frequency(firsts)
        columns = _by_frequency(others) if len(rule.terms) > 1 else []
        is_pair = rule.terms == PAIR
        name, *names = rule.terms
        title = "Principals by member accounts" if is_pair else name + (f" by {', '.join(names)}" if names else "")
        return Grid(
            title=title,
            first="principal" if is_pair else name,
            rows=rows[:FIRST_SHOWN],
            rows_left=max(0, len(rows) - FIRST_SHOWN),
            columns=columns[:OTHERS_SHOWN],
            columns_left=max(0, len(columns) - OTHERS_SHOWN),
            words=("principals", "accounts") if is_pair else ("rows", "columns"),
        )

    def by_first(self) -> dict[str, Counts]:
        """The counts by value of the first term alone."""
        found: dict[str, Counts] = {}
        for (first, _), counts in self.tuples.items():
            total = found.setdefault(first, Counts())
            total.sightings += counts.sightings
            total.alerts += counts.alerts
        return found

    def by_policy(self) -> list[tuple[str, Counts]]:
        """The counts by task policy, the most frequent first; none if no call names a policy."""
        if self.policies.keys() <= {_NO_POLICY}:
            return []
        return sorted(self.policies.items(), key=lambda item: (-item[1].sightings, item[0]))

    def shade(self, sightings: int) -> int:
        """The shade of a cell, from 1 to ``SHADES``, by its share of the largest cell."""
        most = max(counts.sightings for counts in self.tuples.values())
        return 1 + (sightings - 1) * (SHADES - 1) // max(1, most - 1)


def _by_frequency(counted: Counter[_Value]) -> list[_Value]:
    return sorted(counted, key=lambda value: (-counted[value], value))
