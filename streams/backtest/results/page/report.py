"""The report: a self-contained HTML page that helps to decide whether a rule is right.

Rules:
- An attacker chooses the values in records. So the template escapes every value, control and direction characters are
  made visible, and the page forbids itself scripts and the network.
- Nothing is shown by colour alone: bars have patterns, cells have numbers, alerts have a sign.
- The page is bounded: it shows the most frequent values of each rule's terms and the first alerts, and how many more
  there are. Each rule has its share of the alerts, so a rule with many hides no other.
- With one rule, its parts follow each other without a heading of their own.
- The same replay gives the same page, so the page does not say when it was made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from streams.backtest.results.loudness.shown import ShownLoudness
from streams.backtest.results.page.histogram import Histogram
from streams.backtest.results.page.rule_part import RulePart
from streams.backtest.results.sessions.shown import ShownSessions
from streams.backtest.results.summary import outcome_words, shortfalls
from streams.backtest.results.term_words import values_in_words
from streams.content.printable import printable
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.following import ReplayedSession
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.loudness.counts import Loudness
    from streams.backtest.results.loudness.pair import Pair
    from streams.backtest.results.page.histogram import Column
    from streams.backtest.results.page.rule_part import Grid
    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision
    from streams.rules.rule import Rule
    from streams.rules.rule_set import CompiledRule, RuleSet

ALERTS_SHOWN = 500
"""How many alerts are shown, the first ones; if there are several rules, as many of each."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of the timeline as it is drawn; heights are in per cent of the highest column."""

    start: str
    sightings: int
    alerts: int
    overflow: int
    height: float
    alerts_height: float
    overflow_height: float


class ShownRule(NamedTuple):
    """One rule on the page: the rule, what was seen of it, what is shown of that, and its counts in words."""

    rule: Rule
    part: RulePart
    grid: Grid
    said: str
    shortfalls: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """Collects what the page shows, while a replay is evaluated.

    Attributes:
        rules: the rules that are replayed.
        followed: the ids of the rules whose root sessions are followed.
        loudness: the alerts of each rule per day and principal.
        pair: the comparison of two rules; ``None`` if there is none.
        budgets: the most alerts per day, by rule id.
        timeline: sightings, alerts and overflow over time.
        parts: what is shown of each rule, by rule id.
        alerts: the first alerts of each rule, and whether each is above the cap.
        sessions: the root sessions.
    """

    rules: RuleSet
    followed: frozenset[str]
    loudness: Loudness
    pair: Pair | None = None
    budgets: Mapping[str, int] = field(default_factory=dict)
    timeline: Histogram = field(default_factory=Histogram)
    parts: dict[str, RulePart] = field(default_factory=dict)
    alerts: list[tuple[Mapping[str, Any], bool]] = field(default_factory=list)
    sessions: ShownSessions = field(default_factory=ShownSessions)
    _shown_ids: set[str] = field(default_factory=set)

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision."""
        part = self.parts.setdefault(sighting.rule_id, RulePart())
        part.count(sighting, has_alert=decision.alert is not None)
        self.timeline.count(decision.time, "sighting")
        if decision.alert is None:
            return
        self.timeline.count(decision.time, "alert" if decision.outcome == "alert" else "overflow")
        if part.alert_count <= self._shown_of_each():
            self.alerts.append((decision.alert.fields(), decision.outcome != "alert"))
            self._shown_ids.add(decision.alert.id)

    def on_session(self, session: ReplayedSession) -> None:
        """Take note of one session, after all decisions."""
        self.sessions.add(session, is_of_shown_alert=session.summary.alert_id in self._shown_ids)

    def page(self, stats: ReadStats, verdicts: Verdicts, options: Sequence[tuple[str, str]]) -> str:
        """The page.

        Args:
            stats: what was read.
            verdicts: what was decided.
            options: the settings used, by name, as text.
        """
        return _TEMPLATE.render(
            rules=[self._rule(each, stats, verdicts) for each in self.rules.rules],
            granting=self.followed,
            loud=ShownLoudness.of(self.loudness, self.budgets),
            pair=self.pair,
            stats=stats,
            verdicts=verdicts,
            options=options,
            bars=bars(self.timeline.columns()),
            column_words=_width_text(self.timeline.width),
            alerts=self.alerts,
            alert_count=sum(part.alert_count for part in self.parts.values()),
            sessions=self.sessions,
            others=self.sessions.others(),
        )

    def _shown_of_each(self) -> int:
        return max(1, ALERTS_SHOWN // len(self.rules.rules))

    def _rule(self, compiled: CompiledRule, stats: ReadStats, verdicts: Verdicts) -> ShownRule:
        rule = compiled.rule
        part = self.parts.get(rule.id, RulePart())
        taking = stats.rules.get(rule.id)
        said = outcome_words(verdicts.rules.get(rule.id, Counter()))
        return ShownRule(rule, part, part.grid(rule), said, () if taking is None else tuple(shortfalls(taking, rule)))


def bars(columns: Sequence[Column]) -> list[Bar]:
    """The timeline's columns with their heights."""
    most = max((column.counts["sighting"] for column in columns), default=0)
    return [
        Bar(
            to_iso8601(column.start)[:16].replace("T", " "),
            column.counts["sighting"],
            column.counts["alert"],
            column.counts["overflow"],
            *(round(100 * column.counts[kind] / most, 2) for kind in ("sighting", "alert", "overflow")),
        )
        for column in columns
    ]


def _width_text(width: int) -> str:
    """The width of a column as text."""
    for unit, length in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if width >= length:
            number = width // length
            return f"one {unit}" if number == 1 else f"{number} {unit}s"
    return f"{width} ms"


def _shown(value: object) -> str:
    return printable(str(value))


def _terms(alert: Mapping[str, Any]) -> str:
    return values_in_words([(term["field"], term["value"]) for term in alert["terms"]])


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else to_iso8601(milliseconds).replace("T", " ").replace(".000Z", " UTC")


_ENVIRONMENT = Environment(
    loader=PackageLoader("streams.backtest.results", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"shown": _shown, "terms": _terms, "time": _time}
_TEMPLATE = _ENVIRONMENT.get_template("page/report.html.j2")
