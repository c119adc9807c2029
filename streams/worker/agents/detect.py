"""Detection as a stage: sightings in, alerts out, the memory kept. Every grant goes on to the root sessions (S3)."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from msgspec import Struct

from streams import pipeline
from streams.detection.learning import learning_ends_at
from streams.log import log_all
from streams.sessions.grant import grant_of
from streams.wire import encoded_sighting as codec
from streams.wire.sessions import item as session_item
from streams.wire.timestamps import to_iso8601
from streams.worker.agents.stage import Logic
from streams.worker.outgoing import Outgoing
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Forgetting, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.detection.alerting.alert import Alert
    from streams.detection.decision import Outcome
    from streams.extraction.sighting import AnySighting
    from streams.fields.view import View
    from streams.rules.rule_set import CompiledRule
    from streams.topics.catalogue import TopicNames
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.agents.geo import GeoLookup
    from streams.worker.agents.published.encoder import Encoder
    from streams.worker.agents.published.json_form import JsonForm
    from streams.worker.delivery import Message
    from streams.worker.monitoring.counters import Metrics

_MOST_NAMED = 100
_UNNAMED = ""  # a label for rules beyond those: a topic may hold any number of rules that do not run

log = structlog.get_logger(__name__)


class Decided(Struct, frozen=True):
    """What was decided on a sighting, and by which rule; ``None`` if its rule does not run."""

    decision: pipeline.Decision
    rule: CompiledRule | None


@dataclass(frozen=True, slots=True)
class Detection(Logic[PartitionMemory, "AnySighting", Decided]):
    """Decides on sightings.

    Attributes:
        forgetting: the rules, and the settings of their decisions.
        view_of: reads the fields of a sighting's record again, for exceptions with a query.
        topics: the topics of alerts, overflow and sessions.
        largest: how many bytes key and value of a record may have.
        encoder: encodes alerts.
        json_form: makes the JSON form of alerts; ``None`` if there is to be none.
        geo: gives the location of an address.
        dead_letters: makes the dead letters.
        metrics: the counters.
    """

    forgetting: Forgetting
    view_of: Callable[[AnySighting], View]
    topics: TopicNames
    largest: int
    encoder: Encoder
    geo: GeoLookup
    dead_letters: DeadLetters
    metrics: Metrics
    json_form: JsonForm | None = None
    _sweeps: dict[int, Sweep] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _saturated: set[tuple[int, str]] = field(default_factory=set)
    _met: dict[tuple[int, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Each starts at zero, so that an exception that silences nothing is visible too.
        exceptions = next(iter(self.forgetting.settings.values())).exceptions
        for position in range(len(exceptions)):
            self.metrics.excepted.labels(_exception_number(position))

    def read(self, value: bytes) -> AnySighting:
        """See ``Logic``."""
        return codec.read(value)

    async def decide(
        self, message: Message, item: AnySighting, view: PartitionMemory
    ) -> tuple[Decided, list[Outgoing]]:
        """See ``Logic``. A grant goes with its alert, in one round of acknowledgements, and carries its id (S3)."""
        rule = pipeline.rule_of(item, self.forgetting.rules)
        if rule is None:
            self._note_gone(item.rule_id)
            return Decided(pipeline.Decision("gone", item.time_by(self.forgetting.clock)), None), []
        settings = self.forgetting.settings[rule.rule.id]
        decision = pipeline.detect(item, view.group(item, rule), rule, settings, self.view_of)
        view.remember(item, rule, decision)
        if decision.rule_state is not None:
            self._note_learning(view.number, rule.rule.id, decision)
        if decision.outcome == "unknown":
            self._note_saturated(view.number, rule.rule.id, settings.max_entries)
        outgoing = [] if decision.alert is None else await self._alert(message, decision.alert, decision.outcome)
        outgoing += self._grant(item, decision, rule)
        return Decided(decision, rule), outgoing

    def _note_gone(self, rule_id: str) -> None:
        if rule_id not in self._gone and len(self._gone) < _MOST_NAMED:
            self._gone.add(rule_id)
            log.warning("rule.gone", rule=rule_id, consequence="its sightings are counted and have no effect")

    def _note_learning(self, partition: int, rule_id: str, decision: pipeline.Decision) -> None:
        """Log that a partition met a rule that is new or changed, and so learns (U6)."""
        state = decision.rule_state
        if state is None or self._met.get((partition, rule_id)) == state.fingerprint:
            return
        self._met[partition, rule_id] = state.fingerprint
        until = learning_ends_at(state, self.forgetting.settings[rule_id])
        if until is not None and decision.time <= until:
            log.info(
                "rule.learning",
                rule=rule_id,
                partition=partition,
                changed=state.relearning,
                until=to_iso8601(until),
                consequence="its sightings until then teach and do not alert",
            )

    def _note_saturated(self, partition: int, rule_id: str, max_entries: int) -> None:
        if (partition, rule_id) not in self._saturated:
            self._saturated.add((partition, rule_id))
            log.error(
                "rule.saturated",
                rule=rule_id,
                partition=partition,
                max_entries=max_entries,
                consequence="new tuples go to the overflow topic as unknown, and are not remembered",
                fix="raise max_entries, or choose terms that change less",
            )

    def _most_entries(self, rule_id: str) -> int:
        return self.forgetting.settings[rule_id].max_entries

    def _grant(self, sighting: AnySighting, decision: pipeline.Decision, rule: CompiledRule) -> Iterator[Outgoing]:
        if not rule.grants_root:
            return
        granted = grant_of(sighting, rule.rule.id, decision.alert_id)
        if granted is not None:
            yield Outgoing(self.topics.sessions, granted.access_key_id.encode(), session_item.encode(granted))

    async def _alert(self, message: Message, alert: Alert, outcome: Outcome) -> list[Outgoing]:
        is_overflow = outcome != "alert"
        topic = self.topics.overflow if is_overflow else self.topics.alerts
        detected_at, geo = time.time_ns() // 1_000_000, self.geo.look_up(alert.sighting.event.source_ip)
        value = await self.encoder.encode_alert(topic, alert, detected_at, geo)
        if len(value) > self.largest:
            error = f"the alert is {len(value)} bytes, more than the {self.largest} of max_record_size"
            return [self.dead_letters.unread(message, "too-large", error)]
        headers = (("rule_id", alert.rule.id.encode()), ("severity", alert.rule.severity.encode()))
        avro = Outgoing(topic, alert.id.encode(), value, headers)
        if self.json_form is None:
            return [avro]
        return [avro, self.json_form.alert(message, avro, alert.fields(detected_at, geo), overflow=is_overflow)]

    def sweep(self, view: PartitionMemory, decided: Sequence[tuple[Message, Decided]]) -> None:
        """See ``Logic``: deletes what is forgotten (M8)."""
        seen: list[pipeline.Seen] = []
        for message, each in decided:
            origin = message.origin
            seen.append(pipeline.Seen(each.decision.time, origin.timestamp if origin.has_timestamp else None))
        self._sweeps.setdefault(view.number, Sweep()).forget(view, seen, self.forgetting)

    def stored(self, view: PartitionMemory) -> None:
        """See ``Logic``."""
        self.metrics.forgotten.inc(view.forgotten)
        for rule_id, state in view.states():
            if (view.number, rule_id) in self._saturated and state.entries < self._most_entries(rule_id):
                self._saturated.remove((view.number, rule_id))
                log.info("rule.unsaturated", rule=rule_id, partition=view.number, entries=state.entries)

    def acknowledged(self, decisions: Sequence[tuple[Message, AnySighting, Decided]]) -> None:
        """See ``Logic``: counts and logs."""
        metrics = self.metrics
        outcomes = Counter([(self._label(item, decided), decided.decision.outcome) for _, item, decided in decisions])
        for labels, count in outcomes.items():
            metrics.decided.labels(*labels).inc(count)
        for _, _, decided in decisions:
            if decided.decision.exception is not None:
                metrics.excepted.labels(_exception_number(decided.decision.exception)).inc()
        alerting = [each for each in decisions if each[2].decision.alert is not None]
        if alerting:
            self._note_alerts(alerting)

    def _label(self, item: AnySighting, decided: Decided) -> str:
        return item.rule_id if decided.rule is not None or item.rule_id in self._gone else _UNNAMED

    def _note_alerts(self, alerting: Sequence[tuple[Message, AnySighting, Decided]]) -> None:
        metrics, now, clock = self.metrics, time.time(), time.monotonic()
        metrics.event_to_alert.observe_all([max(0.0, now - item.event.time / 1000) for _, item, _ in alerting])
        metrics.fetch_to_alert.observe_all([max(0.0, clock - message.time_in) for message, _, _ in alerting])
        lines = [
            _line(alert, decided.decision.outcome)
            for _, _, decided in alerting
            if (alert := decided.decision.alert) is not None
        ]
        for (event, *labels), count in Counter(
            [(line["event"], line["rule"], line["novelty"]) for line in lines]
        ).items():
            if event == "alert":
                metrics.alerts.labels(*labels).inc(count)
            else:
                metrics.overflow.labels(labels[0]).inc(count)
        log_all(__name__, "warning", lines)


def _line(alert: Alert, outcome: Outcome) -> dict[str, Any]:
    """What is logged of an alert."""
    sighting = alert.sighting
    return {
        "alert_id": alert.id,
        "rule": sighting.rule_id,
        "severity": alert.rule.severity,
        "novelty": alert.novelty.kind,
        "principal": sighting.principal,
        "member_account": sighting.member_account,
        "terms": sighting.values,
        "reason": alert.reason,
        "event": "alert" if outcome == "alert" else "alert.overflow",
    }


def _exception_number(position: int) -> str:
    """The number of a table in the exceptions file, counted from 1 as in messages and in the summary of a backtest."""
    return str(position + 1)
