"""Compares a replay with the live run: which alerts has only one of them, and why, where that can be known.

Rules:
- Alerts are the same if their ids are. Those above the cap are compared with the overflow topic, which is named after
  the alert topic, and so tell of the cap.
- Compared are live alerts whose time lies in the span that was replayed: that of ``--from`` and ``--to`` where these
  are of event time, else from the first sighting to the last.
- Live, sightings are decided in order of arrival, in a replay in order of time (M9). So an alert on another sighting of
  the same pair is what late arrival looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.backtest.span import Span
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.backtest.evaluation import Verdicts
    from streams.backtest.wanted import Wanted
    from streams.detection.sighting import Sighting
    from streams.pipeline import Deciding, Decision

Alert = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """An alert that only one of the two runs has.

    Attributes:
        side: ``replay`` or ``live``.
        alert: the alert.
        why: the reason, in words, as far as it can be known.
    """

    side: str
    alert: Alert
    why: str

    def __str__(self) -> str:
        alert = self.alert
        when = to_iso8601(alert["event"]["time"])
        return (
            f"only {self.side}: {when} {alert['principal']['arn']} on {alert['member_account']['id']} "
            f"(event {alert['event']['id']}, alert {alert['alert_id']}): {self.why}"
        )


class Comparison:
    """Hears a replay's decisions and compares them with the live run's alerts."""

    def __init__(self, live: Sequence[Alert], live_overflow: Sequence[Alert], deciding: Deciding) -> None:
        """Compare with these live alerts, and know these to be above the cap; ``deciding`` is the replay's."""
        self._live = {alert["alert_id"]: alert for alert in live}
        self._above_live_cap = {alert["alert_id"] for alert in live_overflow}
        self._live_learned_until = max((alert["novelty"]["learning_ended_at"] or 0 for alert in live), default=0)
        self._deciding = deciding
        self._replayed: dict[str, Alert] = {}
        self._undecided = {_sighting_of(alert) for alert in live}
        self._decided: dict[tuple[str, str, str], Decision] = {}

    def hear(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision."""
        if decision.outcome == "alert" and decision.alert is not None:
            self._replayed[decision.alert["alert_id"]] = decision.alert
        key = (sighting.principal, sighting.member_account, sighting.event.id)
        if key in self._undecided:
            self._decided.setdefault(key, decision)

    def differences(self, span: Span) -> list[Difference]:
        """What only one of the runs has, in order of time; ``span`` is what was replayed."""
        only_replayed = [alert for name, alert in self._replayed.items() if name not in self._live]
        only_live = [
            alert for name, alert in self._live.items() if name not in self._replayed and alert["event"]["time"] in span
        ]
        live_of, replayed_of = _by_pair(only_live), _by_pair(only_replayed)
        found = [
            Difference("replay", alert, self._why_not_live(alert, live_of.get(_pair_of(alert), [])))
            for alert in only_replayed
        ]
        found += [
            Difference("live", alert, self._why_not_replayed(alert, replayed_of.get(_pair_of(alert), [])))
            for alert in only_live
        ]
        return sorted(found, key=lambda difference: (difference.alert["event"]["time"], str(difference)))

    def in_both(self) -> int:
        """How many alerts both runs have."""
        return len(self._replayed.keys() & self._live.keys())

    def _why_not_live(self, alert: Alert, of_same_pair: list[Alert]) -> str:
        if alert["alert_id"] in self._above_live_cap:
            return "cap: live it went to the overflow topic"
        if other := self._nearest(alert, of_same_pair):
            return f"late arrival: live the pair alerted on event {other['event']['id']}"
        if alert["event"]["time"] <= self._live_learned_until:
            return f"learning: live it only taught, until {to_iso8601(self._live_learned_until)}"
        return "alerts do not tell why: live may know the pair from before or from a seed, or except it"

    def _why_not_replayed(self, alert: Alert, of_same_pair: list[Alert]) -> str:
        decision = self._decided.get(_sighting_of(alert))
        if decision is None:
            return "its record is not in what was replayed"
        match decision.outcome:
            case "learned":
                return "learning: in the replay it only teaches"
            case "excepted":
                return f"exception: {self._reason(decision)}"
            case "overflow":
                return f"cap: in the replay it is above {self._deciding.max_alerts} alerts of its period"
            case _ if other := self._nearest(alert, of_same_pair):
                return f"late arrival: in the replay the pair alerted on event {other['event']['id']}"
            case _:
                return "known: in the replay the pair was seen within the window before it"

    def _nearest(self, alert: Alert, others: list[Alert]) -> Alert | None:
        """The nearest of the pair's alerts that only the other run has, if the window joins them."""

        def distance(other: Alert) -> int:
            apart: int = abs(other["event"]["time"] - alert["event"]["time"])
            return apart

        other = min(others, key=distance, default=None)
        return other if other is not None and distance(other) <= self._deciding.window else None

    def _reason(self, decision: Decision) -> str:
        place = decision.exception or 0
        return self._deciding.exceptions[place].reason or f"number {place + 1} of the file, without a reason"


def replayed_span(wanted: Wanted, verdicts: Verdicts) -> Span:
    """The span of time that was replayed, for ``Comparison.differences``."""
    given = wanted.span if wanted.topic is None else Span()
    first, last = verdicts.first, verdicts.last
    if first is None or last is None:
        return Span(given.start, given.end) if None not in (given.start, given.end) else Span(0, 0)
    return Span(first if given.start is None else given.start, last + 1 if given.end is None else given.end)


def lines(topic: str, comparison: Comparison, differences: Sequence[Difference]) -> Iterator[str]:
    """The comparison in words."""
    sides = [difference.side for difference in differences]
    yield (
        f"compare      {topic}: {comparison.in_both():,} in both, {sides.count('replay'):,} only in the replay, "
        f"{sides.count('live'):,} only live"
    )
    for difference in differences:
        yield f"  {difference}"


def _pair_of(alert: Alert) -> tuple[str, str]:
    return alert["principal"]["arn"], alert["member_account"]["id"]


def _sighting_of(alert: Alert) -> tuple[str, str, str]:
    return (*_pair_of(alert), alert["event"]["id"])


def _by_pair(alerts: Iterable[Alert]) -> dict[tuple[str, str], list[Alert]]:
    pairs: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        pairs.setdefault(_pair_of(alert), []).append(alert)
    return pairs
