"""What the report shows of how loud the rules will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from streams.backtest.results.loudness.budget import days_over
from streams.backtest.results.loudness.counts import day_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.backtest.results.loudness.counts import Loudness

DAYS_SHOWN = 62
"""How many days with alerts are shown, the loudest ones, in order of time."""

PRINCIPALS_SHOWN = 20
"""How many principals with alerts are shown, the loudest ones."""


class Row(NamedTuple):
    """The alerts of a day or of a principal: its name, and how many of each rule."""

    name: str
    counts: tuple[int, ...]


class RuleRow(NamedTuple):
    """A rule in numbers: its alerts, those above the cap, days with alerts, the loudest day, and days over budget."""

    rule_id: str
    alerts: int
    overflow: int
    days: int
    loudest: str
    budget: str
    days_over: int


class ShownLoudness(NamedTuple):
    """What is shown, the rules side by side.

    Attributes:
        rules: in numbers.
        day_count: how many days were replayed.
        days: the loudest days.
        days_left: how many more days have alerts.
        principals: the loudest principals.
        principals_left: how many more have alerts.
        most: the largest number of the days and of the principals.
    """

    rules: Sequence[RuleRow]
    day_count: int
    days: Sequence[Row]
    days_left: int
    principals: Sequence[Row]
    principals_left: int
    most: tuple[int, int]

    @classmethod
    def of(cls, loudness: Loudness, budgets: Mapping[str, int]) -> Self:
        """What is shown of these counts."""
        over = [one.rule_id for one in days_over(loudness, budgets)]
        rules = []
        for rule_id, loud in loudness.rules.items():
            loudest = f"{day_text(loud.loudest_days[0][0])}: {loud.loudest_days[0][1]:,}" if loud.alerts else ""
            budget = f"{budgets[rule_id]}/day" if rule_id in budgets else ""
            rules.append(
                RuleRow(rule_id, loud.alerts, loud.overflow, len(loud.days), loudest, budget, over.count(rule_id))
            )
        by_rule = loudness.rules.values()
        all_days, all_principals = loudness.loudest_days, loudness.loudest_principals
        days = [Row(day_text(day), tuple(loud.days[day] for loud in by_rule)) for day in sorted(all_days[:DAYS_SHOWN])]
        principals = [
            Row(name, tuple(loud.principals[name] for loud in by_rule)) for name in all_principals[:PRINCIPALS_SHOWN]
        ]
        return cls(
            rules,
            loudness.day_count,
            days,
            len(all_days) - len(days),
            principals,
            len(all_principals) - len(principals),
            (_most(days), _most(principals)),
        )


def _most(rows: Iterable[Row]) -> int:
    return max((count for row in rows for count in row.counts), default=0)
