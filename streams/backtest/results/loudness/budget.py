"""Budgets: how many alerts a rule may raise on a day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from streams.backtest.results.loudness.counts import day_text, number_of
from streams.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from streams.backtest.results.loudness.counts import Loudness
    from streams.pipeline import DecisionSettings

DAYS_SHOWN = 5
"""How many days over budget are named of each rule, the loudest ones."""

_BUDGET = re.compile(r"(?:([A-Za-z0-9._-]+)=)?([0-9]{1,9})/day")


class Over(NamedTuple):
    """A day on which a rule raised more alerts than its budget: the day's first millisecond, and both numbers."""

    rule_id: str
    day: int
    alerts: int
    allowed: int

    def __str__(self) -> str:
        more = f"{self.alerts - self.allowed:,} more than {self.allowed}/day"
        return f"{self.rule_id}: {day_text(self.day)}: {number_of(self.alerts, 'alert')}, {more}"


def parse_budgets(texts: Iterable[str], rule_ids: Collection[str]) -> dict[str, int]:
    """The most alerts per day, by rule id. ``N/day`` is of every rule, ``ID=N/day`` of one, which wins.

    Raises:
        UsageError: a text is no budget, or names a rule that does not run.
    """
    of_all: dict[str, int] = {}
    of_one: dict[str, int] = {}
    for text in texts:
        written = _BUDGET.fullmatch(text)
        if written is None:
            raise UsageError(f"--budget {text}: write alerts per day, such as 5/day, or of one rule RULE_ID=5/day")
        rule_id, number = written[1], int(written[2])
        if rule_id is None:
            of_all = dict.fromkeys(rule_ids, number)
        elif rule_id in rule_ids:
            of_one[rule_id] = number
        else:
            raise UsageError(f"--budget {text}: no rule of this id runs; those that run are {', '.join(rule_ids)}")
    return of_all | of_one


def days_over(loudness: Loudness, budgets: Mapping[str, int]) -> list[Over]:
    """Each day on which a rule is over its budget: by rule, the loudest day first."""
    return [
        Over(rule_id, day, alerts, budgets[rule_id])
        for rule_id, loud in loudness.rules.items()
        if rule_id in budgets
        for day, alerts in loud.loudest_days
        if alerts > budgets[rule_id]
    ]


def budget_lines(over: Sequence[Over], loudness: Loudness, settings: Mapping[str, DecisionSettings]) -> Iterator[str]:
    """For a person: the days over budget, and what helps if they are the first days of an empty memory."""
    by_rule: dict[str, list[Over]] = {}
    for one in over:
        by_rule.setdefault(one.rule_id, []).append(one)
    for days in by_rule.values():
        for one in days[:DAYS_SHOWN]:
            yield f"over budget  {one}"
        if len(days) > DAYS_SHOWN:
            yield f"  … and on {number_of(len(days) - DAYS_SHOWN, 'more day')}"
    if any(_is_of_an_empty_memory(one, loudness, settings[one.rule_id]) for one in over):
        yield (
            "  A replay begins with an empty memory, so everything is new on its first days. "
            "Give --learn-until, so that these teach and do not alert."
        )


def _is_of_an_empty_memory(over: Over, loudness: Loudness, settings: DecisionSettings) -> bool:
    first = loudness.first_day
    return (
        settings.learn_until is None and not settings.learn and first is not None and over.day < first + settings.window
    )
