"""Detection as a stage: sightings in, alerts out, the memory kept. Every grant goes on to the root sessions (S3)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from streams import pipeline
from streams.sessions.grant import grant_of
from streams.wire import sighting as codec
from streams.wire.sessions import item as session_item
from streams.worker.agents.messages import origin_of
from streams.worker.agents.stage import Logic
from streams.worker.outgoing import Outgoing
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.extraction.sighting import Sighting
    from streams.rules.rule import Rule
    from streams.topics.catalogue import TopicNames
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.agents.encoder import Encoder
    from streams.worker.agents.geo import GeoLookup
    from streams.worker.agents.messages import Message
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Detection(Logic[PartitionMemory, "Sighting", pipeline.Decision]):
    """Decides on sightings.

    Attributes:
        rule: the rule.
        settings: the settings of decisions; they override the rule.
        topics: the topics of alerts, overflow and sessions.
        largest: how many bytes key and value of a record may have.
        encoder: encodes alerts.
        geo: gives the location of an address.
        dead_letters: makes the dead letters.
        metrics: the counters.
    """

    rule: Rule
    settings: pipeline.DecisionSettings
    topics: TopicNames
    largest: int
    encoder: Encoder
    geo: GeoLookup
    dead_letters: DeadLetters
    metrics: Metrics
    _sweeps: dict[int, Sweep] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Each starts at zero, so that an exception that silences nothing is visible too.
        for position in range(len(self.settings.exceptions)):
            self.metrics.excepted.labels(_exception_number(position))

    def read(self, value: bytes) -> Sighting:
        """See ``Logic``."""
        return codec.decode(value)

    async def decide(
        self, message: Message, item: Sighting, view: PartitionMemory
    ) -> tuple[pipeline.Decision, list[Outgoing]]:
        """See ``Logic``. A grant goes with its alert, in one round of acknowledgements, and carries its id (S3)."""
        principal = view.principal(item.values[0])
        decision = pipeline.detect(item, principal, self.rule, self.settings)
        principal.remember(item.values[1], decision)
        outgoing = [] if decision.alert is None else [await self._alert(message, item, decision)]
        outgoing += self._grant(item, decision)
        return decision, outgoing

    def _grant(self, sighting: Sighting, decision: pipeline.Decision) -> Iterator[Outgoing]:
        granted = grant_of(sighting, self.rule.id, decision.alert_id)
        if granted is not None:
            yield Outgoing(self.topics.sessions, granted.access_key_id.encode(), session_item.encode(granted))

    async def _alert(self, message: Message, sighting: Sighting, decision: pipeline.Decision) -> Outgoing:
        alert = {
            **(decision.alert or {}),
            "detected_at": time.time_ns() // 1_000_000,
            "geo": self.geo.look_up(sighting.event.source_ip),
        }
        topic = self.topics.overflow if decision.outcome == "overflow" else self.topics.alerts
        value = await self.encoder.encode(topic, alert)
        if len(value) > self.largest:
            error = f"the alert is {len(value)} bytes, more than the {self.largest} of max_record_size"
            return self.dead_letters.unread(message, "too-large", error)
        headers = (("rule_id", self.rule.id.encode()), ("severity", self.rule.severity.encode()))
        return Outgoing(topic, alert["alert_id"].encode(), value, headers)

    def sweep(self, view: PartitionMemory, decided: Sequence[tuple[Message, pipeline.Decision]]) -> None:
        """See ``Logic``: deletes what is forgotten (M8)."""
        seen: list[pipeline.Seen] = []
        for message, decision in decided:
            origin = origin_of(message)
            seen.append(pipeline.Seen(decision.time, origin.timestamp if origin.has_timestamp else None))
        self._sweeps.setdefault(view.number, Sweep()).forget(view, seen, self.settings)

    def stored(self, view: PartitionMemory) -> None:
        """See ``Logic``."""
        self.metrics.forgotten.inc(view.forgotten)

    def acknowledged(self, message: Message, item: Sighting, decided: pipeline.Decision) -> None:
        """See ``Logic``: counts and logs."""
        metrics = self.metrics
        metrics.decided.labels(decided.outcome).inc()
        if decided.exception is not None:
            metrics.excepted.labels(_exception_number(decided.exception)).inc()
        if decided.alert is None:
            return
        novelty = decided.alert["novelty"]["kind"]
        now = time.time()
        metrics.event_to_alert.observe(max(0.0, now - item.event.time / 1000))
        if message.time_in is not None:
            metrics.fetch_to_alert.observe(max(0.0, time.monotonic() - message.time_in))
        if decided.outcome == "overflow":
            metrics.overflow.labels(self.rule.id).inc()
            event = "alert.overflow"
        else:
            metrics.alerts.labels(self.rule.id, novelty).inc()
            event = "alert"
        log.warning(
            event,
            alert_id=decided.alert_id,
            severity=self.rule.severity,
            novelty=novelty,
            principal=item.principal,
            member_account=item.member_account,
            reason=decided.alert["reason"],
        )


def _exception_number(position: int) -> str:
    """The number of a table in the exceptions file, counted from 1 as in messages and in the summary of a backtest."""
    return str(position + 1)
