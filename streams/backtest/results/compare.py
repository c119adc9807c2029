"""Compares a replay with the live run: which alerts only one of them has, and why, as far as that can be known.

Rules:
- Alerts are the same if their ids are the same. The overflow topic, which is named after the alert topic, tells which
  alerts were above the cap live.
- Live alerts are compared if their time lies in the replayed span: ``--from`` to ``--to`` if these are of event time,
  else the first sighting to the last.
- Live, sightings are decided in order of arrival; in a replay, in order of time (M9). So late arrival shows as an alert
  on another sighting of the same pair.
- A year may hold a million alerts, so only the few values that are compared are kept of each.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from streams.backtest.results.term_words import values_in_words
from streams.backtest.sources.span import Span
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.backtest.sources.request import ReplayRequest
    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision, DecisionSettings
    from streams.rules.rule_set import RuleSet


Tuple = tuple[str, tuple[str, ...]]
"""A rule's id, and the values of its terms."""


class Alert(Struct, frozen=True):
    """The kept values of an alert: its id, time (milliseconds), rule, terms and event, and the end of learning."""

    id: str
    time: int
    rule_id: str
    values: tuple[str, ...]
    event_id: str
    learning_ended_at: int | None

    @classmethod
    def of(cls, alert: Mapping[str, Any]) -> Self:
        """Keep these values of an alert."""
        return cls(
            alert["alert_id"],
            alert["event"]["time"],
            sys.intern(alert["rule"]["id"]),
            tuple(sys.intern(term["value"]) for term in alert["terms"]),
            alert["event"]["id"],
            alert["novelty"]["learning_ended_at"],
        )

    @property
    def remembered(self) -> Tuple:
        """The rule and the values of its terms."""
        return self.rule_id, self.values

    @property
    def sighting(self) -> tuple[str, tuple[str, ...], str]:
        """The sighting that alerted."""
        return self.rule_id, self.values, self.event_id


class Difference(Struct, frozen=True):
    """An alert that only one of the two runs has.

    Attributes:
        side: ``replay`` or ``live``.
        alert: the alert.
        what: what is new by it, in words.
        why: the reason, as far as it can be known.
    """

    side: str
    alert: Alert
    what: str
    why: str

    def __str__(self) -> str:
        alert = self.alert
        return (
            f"only {self.side}: {to_iso8601(alert.time)} {self.what} "
            f"(event {alert.event_id}, alert {alert.id}): {self.why}"
        )


class Comparison:
    """Observes a replay's decisions and compares them with the live run's alerts."""

    def __init__(
        self,
        live: Iterable[Mapping[str, Any]],
        live_overflow: Iterable[Mapping[str, Any]],
        settings: Mapping[str, DecisionSettings],
        rules: RuleSet,
    ) -> None:
        """Compare with these live alerts; those in overflow were above the cap. Settings and rules are the replay's."""
        self._rules = rules
        self._live = {alert.id: alert for alert in map(Alert.of, live)}
        self._above_live_cap = {alert["alert_id"] for alert in live_overflow}
        self._live_learned_until: dict[str, int] = {}
        for alert in self._live.values():
            ends = self._live_learned_until.get(alert.rule_id, 0)
            self._live_learned_until[alert.rule_id] = max(ends, alert.learning_ended_at or 0)
        self._settings = settings
        self._replayed: dict[str, Alert] = {}
        self._times: tuple[int, ...] = ()  # of the first sighting and the last
        self._undecided = {alert.sighting for alert in self._live.values()}
        self._decided: dict[
            tuple[str, tuple[str, ...], str], tuple[str, int]
        ] = {}  # outcome, and the exception's position

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision."""
        time = sighting.event.time  # with the other clock, decisions do not come in its order
        self._times = (min(time, *self._times), max(time, *self._times)) if self._times else (time, time)
        if decision.outcome == "alert" and decision.alert is not None:
            alert = Alert.of(decision.alert.fields())
            self._replayed[alert.id] = alert
        key = (sighting.rule_id, sighting.values, sighting.event.id)
        if key in self._undecided:
            self._decided.setdefault(key, (decision.outcome, decision.exception or 0))

    def replayed_span(self, request: ReplayRequest) -> Span:
        """The span of event time that was replayed, for ``differences``."""
        given = request.span if request.topic is None else Span()
        if not self._times:
            return given if None not in (given.start, given.end) else Span(0, 0)
        first, last = min(self._times), max(self._times)
        return Span(first if given.start is None else given.start, last + 1 if given.end is None else given.end)

    def differences(self, span: Span) -> list[Difference]:
        """The alerts that only one run has, in order of time; ``span`` is the replayed span."""
        only_replayed = [alert for name, alert in self._replayed.items() if name not in self._live]
        only_live = [alert for name, alert in self._live.items() if name not in self._replayed and alert.time in span]
        live_of, replayed_of = _by_tuple(only_live), _by_tuple(only_replayed)
        found = [
            Difference("replay", alert, self._what(alert), self._why_not_live(alert, live_of.get(alert.remembered, [])))
            for alert in only_replayed
        ]
        found += [
            Difference(
                "live", alert, self._what(alert), self._why_not_replayed(alert, replayed_of.get(alert.remembered, []))
            )
            for alert in only_live
        ]
        return sorted(found, key=lambda difference: (difference.alert.time, str(difference)))

    def in_both(self) -> int:
        """The number of alerts that both runs have."""
        return len(self._replayed.keys() & self._live.keys())

    def _what(self, alert: Alert) -> str:
        """Principal and account of a rule in the short form; names and values of any other; its id if not alone."""
        rule = self._rules.by_id.get(alert.rule_id)
        names = () if rule is None else rule.rule.terms
        if len(names) != len(alert.values):
            words = " on ".join(alert.values)
        else:
            words = values_in_words(tuple(zip(names, alert.values, strict=True)))
        return words if len(self._rules.rules) == 1 else f"{alert.rule_id}: {words}"

    def _why_not_live(self, alert: Alert, of_same_tuple: list[Alert]) -> str:
        if alert.id in self._above_live_cap:
            return "cap: live it went to the overflow topic"
        if other := self._nearest(alert, of_same_tuple):
            return f"late arrival: live these terms alerted on event {other.event_id}"
        learned_until = self._live_learned_until.get(alert.rule_id, 0)
        if alert.time <= learned_until:
            return f"learning: live it only taught, until {to_iso8601(learned_until)}"
        return "alerts do not tell why: live may know the terms from before or from a seed, or except it"

    def _why_not_replayed(self, alert: Alert, of_same_tuple: list[Alert]) -> str:
        outcome, exception = self._decided.get(alert.sighting, (None, 0))
        match outcome:
            case None:
                return "its record is not in what was replayed"
            case "learned":
                return "learning: in the replay it only teaches"
            case "excepted":
                return f"exception: {self._reason(alert, exception)}"
            case "overflow":
                return f"cap: in the replay it is above {self._settings[alert.rule_id].max_alerts} alerts of its period"
            case _ if other := self._nearest(alert, of_same_tuple):
                return f"late arrival: in the replay these terms alerted on event {other.event_id}"
            case _:
                return "known: in the replay these terms were seen within the window before it"

    def _nearest(self, alert: Alert, others: list[Alert]) -> Alert | None:
        """The nearest of the tuple's alerts that only the other run has, if both lie within one window."""

        def distance(other: Alert) -> int:
            return abs(other.time - alert.time)

        other = min(others, key=distance, default=None)
        return other if other is not None and distance(other) <= self._settings[alert.rule_id].window else None

    def _reason(self, alert: Alert, position: int) -> str:
        return (
            self._settings[alert.rule_id].exceptions[position].reason
            or f"number {position + 1} of the file, without a reason"
        )


def comparison_lines(topic: str, comparison: Comparison, differences: Sequence[Difference]) -> Iterator[str]:
    """The comparison as lines for a person."""
    sides = [difference.side for difference in differences]
    yield (
        f"compare      {topic}: {comparison.in_both():,} in both, {sides.count('replay'):,} only in the replay, "
        f"{sides.count('live'):,} only live"
    )
    for difference in differences:
        yield f"  {difference}"


def _by_tuple(alerts: Iterable[Alert]) -> dict[Tuple, list[Alert]]:
    tuples: dict[Tuple, list[Alert]] = {}
    for alert in alerts:
        tuples.setdefault(alert.remembered, []).append(alert)
    return tuples
