"""The detect agent: sightings in, alerts out, memory kept.

The rules (A2), for each batch:

1. Decide in order, each decision seeing what the ones before it in the batch have learned.
2. Send the alerts; wait until the broker has acknowledged all.
3. Send what was learned to the changelog; wait until all is acknowledged.
4. Write it to RocksDB.
5. Return, so that the offsets may be committed.

A crash between any two of them repeats the batch: the same decisions from the same memory, the same alert ids.
After each wait the partitions may be another's: the batch is then left at that, and the next owner does it again. A
late write to the changelog would follow its recovery, and a store that was closed meanwhile is not this batch's.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog

from streams import pipeline
from streams.wire import sighting as codec
from streams.wire.single_object import UnknownSchemaError, WireError
from streams.worker.agents.batches import in_hand
from streams.worker.agents.dead_letter import dead_letter
from streams.worker.agents.sender import Outgoing, record_room
from streams.worker.agents.sight import origin_of
from streams.worker.agents.skipped_letter import skipped_letter
from streams.worker.state.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.extraction.sighting import Sighting
    from streams.worker.state.table import PartitionMemory

    _Decided = tuple[Any, Sighting, pipeline.Decision]  # a message and what became of it

log = structlog.get_logger(__name__)


class Detect:
    """Handles batches of sightings."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._topics = app.topic_names
        self._room = record_room(app.options)
        self._sweeps: dict[int, Sweep] = {}
        # From zero on, so that an exception that silences nothing shows too.
        for position in range(len(app.decision_settings.exceptions)):
            app.metrics.excepted.labels(_exception_number(position))

    async def handle(self, events: Sequence[Any], owned: Callable[[], bool]) -> None:
        """Decide on a batch of sightings; returns when alerts and memory are acknowledged and stored."""
        app = self._app
        partitions: dict[int, PartitionMemory] = {}
        decided: list[_Decided] = []
        outgoing: list[Outgoing] = []
        for event in events:
            message = event.message
            with in_hand(message):
                sighting = await self._read(message, outgoing)
                if not owned():
                    return
                if sighting is None:
                    continue
                if message.partition not in partitions:
                    partitions[message.partition] = app.memory.partition(message.partition)
                principal = partitions[message.partition].principal(sighting.principal)
                decision = pipeline.detect(sighting, principal, app.rule, app.decision_settings)
                principal.remember(sighting.member_account, decision)
                decided.append((message, sighting, decision))
                if decision.alert is not None:
                    outgoing.append(await self._alert(message, sighting, decision))
        if not owned():
            return
        await app.sender.send_all(outgoing)
        for message, sighting, decision in decided:
            self._count(message, sighting, decision)
        if owned():
            self._forget(partitions, decided)
            await self._keep(list(partitions.values()), owned)

    async def _read(self, message: Any, outgoing: list[Outgoing]) -> Sighting | None:
        """The sighting that a message holds; of one that holds none the dead letter goes to ``outgoing``."""
        if self._app.skips.has(message.topic, message.partition, message.offset):
            outgoing.append(await skipped_letter(self._app, message, origin_of(message)))
            return None
        if message.value is None:
            return None  # a tombstone (R5)
        try:
            return codec.decode(message.value)
        except UnknownSchemaError:
            raise  # a newer version wrote it: this one must not go past it (an upgrade rolled back)
        except WireError as unreadable:
            outgoing.append(self._dead_letter(message, "malformed", str(unreadable)))
            return None

    async def _alert(self, message: Any, sighting: Sighting, decision: pipeline.Decision) -> Outgoing:
        app = self._app
        alert = {
            **(decision.alert or {}),
            "detected_at": time.time_ns() // 1_000_000,
            "geo": app.geo.look_up(sighting.event.source_ip),
        }
        topic = self._topics.overflow if decision.outcome == "overflow" else self._topics.alerts
        value = await app.alert_encoder.encode(topic, alert)
        if len(value) > self._room:
            error = f"the alert is {len(value)} bytes, more than the {self._room} of max_record_size"
            return self._dead_letter(message, "too-large", error)
        headers = (("rule_id", app.rule.id.encode()), ("severity", app.rule.severity.encode()))
        return Outgoing(topic, alert["alert_id"].encode(), value, headers)

    def _forget(self, partitions: dict[int, PartitionMemory], decided: list[_Decided]) -> None:
        seen: dict[int, list[pipeline.Seen]] = {number: [] for number in partitions}
        for message, _, decision in decided:
            origin = origin_of(message)
            kafka_time = origin.timestamp if origin.has_timestamp else None
            seen[message.partition].append(pipeline.Seen(decision.time, kafka_time))
        for number, partition in partitions.items():
            sweep = self._sweeps.setdefault(number, Sweep())
            sweep.forget(partition, seen[number], self._app.decision_settings)

    async def _keep(self, partitions: list[PartitionMemory], owned: Callable[[], bool]) -> None:
        changes = [(partition, partition.changes()) for partition in partitions]
        records = [record for partition, changed in changes for record in partition.changelog(changed)]
        if not records or not await self._app.lease.held(owned):
            return
        stored = await self._app.sender.send_all(records)
        if not owned():
            return
        acknowledged = iter(stored)
        for partition, changed in changes:
            if changed:
                offsets = [metadata.offset for metadata in islice(acknowledged, len(changed))]
                self._app.memory.apply(partition, changed, offsets)
            self._app.metrics.forgotten.inc(partition.forgotten)

    def _count(self, message: Any, sighting: Sighting, decision: pipeline.Decision) -> None:
        metrics = self._app.metrics
        metrics.decided.labels(decision.outcome).inc()
        if decision.exception is not None:
            metrics.excepted.labels(_exception_number(decision.exception)).inc()
        if decision.alert is None:
            return
        rule = self._app.rule.id
        novelty = decision.alert["novelty"]["kind"]
        now = time.time()
        metrics.event_to_alert.observe(max(0.0, now - sighting.event.time / 1000))
        if message.time_in is not None:
            metrics.fetch_to_alert.observe(max(0.0, time.monotonic() - message.time_in))
        if decision.outcome == "overflow":
            metrics.overflow.labels(rule).inc()
            event = "alert.overflow"
        else:
            metrics.alerts.labels(rule, novelty).inc()
            event = "alert"
        log.warning(
            event,
            alert_id=decision.alert_id,
            severity=self._app.rule.severity,
            novelty=novelty,
            principal=sighting.principal,
            member_account=sighting.member_account,
            reason=decision.alert["reason"],
        )

    def _dead_letter(self, message: Any, reason: str, error: str) -> Outgoing:
        origin = origin_of(message)
        self._app.metrics.dead_letters.labels(reason).inc()
        log.warning(
            "dead_letter",
            reason=reason,
            error=error,
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
        )
        rejected = pipeline.reject(message.value, reason, error, self._app.extract_settings)
        return dead_letter(self._topics.dead_letter, message.key, rejected, origin, self._room)


def _exception_number(position: int) -> str:
    """Counted from 1, as messages and the summary of a backtest count the tables of the file."""
    return str(position + 1)
