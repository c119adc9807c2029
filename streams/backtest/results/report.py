"""The report: a self-contained HTML page that helps to decide whether a rule is right.

Rules:
- An attacker chooses the values in records. So the template escapes every value, control and direction characters are
  made visible, and the page forbids itself scripts and the network.
- Nothing is shown by colour alone: bars have patterns, cells have numbers, alerts have a sign.
- The page is bounded: it shows the most frequent principals and accounts and the first alerts, and how many more there
  are.
- The same replay gives the same page, so the page does not say when it was made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from streams.backtest.results.histogram import Histogram
from streams.backtest.results.sessions.shown import ShownSessions
from streams.content.printable import printable
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.following import ReplayedSession
    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.results.histogram import Column
    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision
    from streams.rules.rule_set import RuleSet

PRINCIPALS_SHOWN = 40
ACCOUNTS_SHOWN = 30
ALERTS_SHOWN = 500
SHADES = 4

_NO_POLICY = "no task policy"


@dataclass(slots=True)
class Pair:
    """The sightings of a principal on a member account, and the alerts among them, overflow included."""

    sightings: int = 0
    alerts: int = 0


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


@dataclass(slots=True)
class Report:
    """Collects what the page shows, while a replay is evaluated.

    Attributes:
        timeline: sightings, alerts and overflow over time.
        pairs: by principal and member account.
        policies: by task policy.
        alerts: the first alerts, and whether each is above the cap.
        alert_count: the number of all alerts.
        sessions: the root sessions.
    """

    timeline: Histogram = field(default_factory=Histogram)
    pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)
    policies: dict[str, Pair] = field(default_factory=dict)
    alerts: list[tuple[Mapping[str, Any], bool]] = field(default_factory=list)
    alert_count: int = 0
    sessions: ShownSessions = field(default_factory=ShownSessions)
    _shown_ids: set[str] = field(default_factory=set)

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision."""
        pair = self.pairs.setdefault((sighting.values[0], " ".join(sighting.values[1:])), Pair())
        policy = self.policies.setdefault(sighting.event.task_policy or _NO_POLICY, Pair())
        pair.sightings += 1
        policy.sightings += 1
        self.timeline.count(decision.time, "sighting")
        if decision.alert is None:
            return
        pair.alerts += 1
        policy.alerts += 1
        self.timeline.count(decision.time, decision.outcome)
        self.alert_count += 1
        if len(self.alerts) < ALERTS_SHOWN:
            self.alerts.append((decision.alert, decision.outcome == "overflow"))
            self._shown_ids.add(decision.alert["alert_id"])

    def on_session(self, session: ReplayedSession) -> None:
        """Take note of one session, after all decisions."""
        self.sessions.add(session, is_of_shown_alert=session.summary.alert_id in self._shown_ids)

    def page(self, rules: RuleSet, stats: ReadStats, verdicts: Verdicts, options: Sequence[tuple[str, str]]) -> str:
        """The page.

        Args:
            rules: the rules that were replayed.
            stats: what was read.
            verdicts: what was decided.
            options: the settings used, by name, as text.
        """
        columns = self.timeline.columns()
        principals, accounts = self._most_frequent()
        return _TEMPLATE.render(
            rules=[each.rule for each in rules.rules],
            stats=stats,
            verdicts=verdicts,
            options=options,
            bars=bars(columns),
            column_words=_width_text(self.timeline.width),
            pairs=self.pairs,
            principals=principals[:PRINCIPALS_SHOWN],
            principals_left=max(0, len(principals) - PRINCIPALS_SHOWN),
            accounts=accounts[:ACCOUNTS_SHOWN],
            accounts_left=max(0, len(accounts) - ACCOUNTS_SHOWN),
            shade=self._shade,
            policies=sorted(self.policies.items(), key=lambda item: (-item[1].sightings, item[0])),
            alerts=self.alerts,
            alert_count=self.alert_count,
            sessions=self.sessions,
            others=self.sessions.others(),
        )

    def _most_frequent(self) -> tuple[list[str], list[str]]:
        principals: Counter[str] = Counter()
        accounts: Counter[str] = Counter()
        for (principal, account), pair in self.pairs.items():
            principals[principal] += pair.sightings
            accounts[account] += pair.sightings
        return _by_frequency(principals), _by_frequency(accounts)

    def _shade(self, sightings: int) -> int:
        """The shade of a cell of the heat map, from 1 to ``SHADES``, by its share of the largest cell."""
        most = max(pair.sightings for pair in self.pairs.values())
        return 1 + (sightings - 1) * (SHADES - 1) // max(1, most - 1)


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


def _by_frequency(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))


def _width_text(width: int) -> str:
    """The width of a column as text."""
    for unit, length in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if width >= length:
            number = width // length
            return f"one {unit}" if number == 1 else f"{number} {unit}s"
    return f"{width} ms"


def _shown(value: object) -> str:
    return printable(str(value))


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else to_iso8601(milliseconds).replace("T", " ").replace(".000Z", " UTC")


_ENVIRONMENT = Environment(
    loader=PackageLoader("streams.backtest.results", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {"shown": _shown, "time": _time}
_TEMPLATE = _ENVIRONMENT.get_template("report.html.j2")
