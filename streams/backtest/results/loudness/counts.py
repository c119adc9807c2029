"""Counts the alerts of each rule per day and per principal: how loud it will be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.backtest.sources.span import DAY
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision

PRINCIPALS_SHOWN = 3
"""How many principals the summary names of each rule, the loudest ones."""

NO_PRINCIPAL = "no principal"


def day_text(day: int) -> str:
    """A UTC day, given by its first millisecond, such as ``2026-01-31``."""
    return to_iso8601(day)[:10]


def number_of(count: int, what: str) -> str:
    """A number with its noun, such as ``1 alert`` or ``1,200 alerts``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@dataclass(slots=True)
class RuleLoudness:
    """The alerts of one rule; those above the cap are counted apart, because nobody is called for them.

    Attributes:
        days: how many alerts, by the first millisecond of their UTC day.
        principals: how many alerts, by the principal's ARN.
        overflow: how many alerts are above the cap.
    """

    days: Counter[int] = field(default_factory=Counter)
    principals: Counter[str] = field(default_factory=Counter)
    overflow: int = 0

    @property
    def alerts(self) -> int:
        """The number of alerts."""
        return self.days.total()

    @property
    def loudest_days(self) -> list[tuple[int, int]]:
        """Days with their alerts, the loudest first."""
        return sorted(self.days.items(), key=lambda item: (-item[1], item[0]))

    @property
    def loudest_principals(self) -> list[tuple[str, int]]:
        """Principals with their alerts, the loudest first."""
        return sorted(self.principals.items(), key=lambda item: (-item[1], item[0]))


class Loudness:
    """Observes decisions and counts alerts; days are those of the rules' clock (M4)."""

    def __init__(self, rule_ids: Sequence[str]) -> None:
        """Count for these rules; one without alerts is shown too."""
        self.rules = {rule_id: RuleLoudness() for rule_id in rule_ids}
        self._first: int | None = None
        self._last = 0

    @property
    def day_count(self) -> int:
        """The number of UTC days from the first sighting to the last one."""
        return 0 if self._first is None else self._last // DAY - self._first // DAY + 1

    @property
    def first_day(self) -> int | None:
        """The first millisecond of the day of the first sighting."""
        return None if self._first is None else self._first // DAY * DAY

    @property
    def loudest_days(self) -> list[int]:
        """Days with alerts of any rule, the loudest first."""
        return [day for day, _ in self._together().loudest_days]

    @property
    def loudest_principals(self) -> list[str]:
        """Principals with alerts of any rule, the loudest first."""
        return [principal for principal, _ in self._together().loudest_principals]

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision; they come in order of time."""
        self._first = decision.time if self._first is None else self._first
        self._last = decision.time
        if decision.alert is None:
            return
        of_rule = self.rules.setdefault(sighting.rule_id, RuleLoudness())
        if decision.outcome != "alert":
            of_rule.overflow += 1
            return
        of_rule.days[decision.time // DAY * DAY] += 1
        of_rule.principals[sighting.principal or NO_PRINCIPAL] += 1

    def lines(self) -> Iterator[str]:
        """For a person: per rule how many alerts on how many days, the loudest day, and the loudest principals."""
        several = len(self.rules) > 1
        for rule_id, loud in self.rules.items():
            name = f"{rule_id}: " if several else ""
            if not loud.alerts:
                continue
            day, most = loud.loudest_days[0]
            yield (
                f"per day      {name}{number_of(loud.alerts, 'alert')} on {len(loud.days):,} of "
                f"{number_of(self.day_count, 'day')}, most on {day_text(day)}: {most:,}"
            )
            for principal, count in loud.loudest_principals[:PRINCIPALS_SHOWN]:
                yield f"  {number_of(count, 'alert')} by {principal}"
            if (left := len(loud.principals) - PRINCIPALS_SHOWN) > 0:
                yield f"  … and by {number_of(left, 'more principal')}"

    def _together(self) -> RuleLoudness:
        days: Counter[int] = Counter()
        principals: Counter[str] = Counter()
        for loud in self.rules.values():
            days.update(loud.days)
            principals.update(loud.principals)
        return RuleLoudness(days, principals)
