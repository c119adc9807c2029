"""The detect agent: takes sightings, sends alerts, keeps the memory.

The rules (A2), for each batch:

1. Decide in order. Each decision sees what earlier decisions of the batch have learned.
2. Send the alerts; wait until the broker has acknowledged all of them.
3. Send the changes of the memory to the changelog; wait until the broker has acknowledged all of them.
4. Write the changes to RocksDB.
5. Return, so that the offsets may be committed.

A crash between any two steps repeats the batch: the same decisions from the same memory, with the same alert ids.
After each wait another worker may own the partitions. Then the batch is abandoned, and the next owner repeats it: a
late write to the changelog would come after the next owner's recovery, and the store may have been closed meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import structlog

from streams import pipeline
from streams.wire import sighting as codec
from streams.wire.single_object import UnknownSchemaError, WireError
from streams.worker.agents.messages import origin_of
from streams.worker.failure import in_hand
from streams.worker.outgoing import Outgoing
from streams.worker.state.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.extraction.sighting import Sighting
    from streams.rules.rule import Rule
    from streams.topics.catalogue import TopicNames
    from streams.worker.agents.alert_encoder import AlertEncoder
    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.agents.geo import GeoLookup
    from streams.worker.agents.messages import Event, Message
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.skips import Skips
    from streams.worker.state.partition_memory import PartitionMemory

    _Decided = tuple[Message, Sighting, pipeline.Decision]

log = structlog.get_logger(__name__)


class Acknowledged(Protocol):
    """The broker's acknowledgement of a record."""

    @property
    def offset(self) -> int:
        """The record's offset in its partition."""


class Sender(Protocol):
    """Sends alerts and changes of the memory."""

    async def send_all(self, records: Sequence[Outgoing], /) -> Sequence[Acknowledged]:
        """Return once the broker has acknowledged all of them."""


class Memory(Protocol):
    """The memory's table."""

    def partition(self, number: int, /) -> PartitionMemory:
        """Return a view of one partition for one batch."""

    def apply(
        self, partition: PartitionMemory, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int], /
    ) -> None:
        """Write changes that the changelog has acknowledged."""


class Lease(Protocol):
    """Says until when this worker surely holds its partitions."""

    async def wait_until_held(self, owned: Callable[[], bool], /) -> bool:
        """Wait until the lease holds; false as soon as ``owned`` says that the partitions are given up."""


@dataclass(frozen=True, slots=True)
class Detect:
    """Handles batches of sightings.

    Attributes:
        rule: the rule.
        settings: the settings of decisions; they override the rule.
        topics: the topics of alerts, overflow and the memory's changes.
        largest: how many bytes key and value of a record may have.
        skips: the records that become dead letters unread.
        memory: the memory's table.
        lease: must hold when changes are sent.
        sender: sends alerts, changes and dead letters.
        encoder: encodes alerts.
        geo: gives the location of an address.
        dead_letters: makes the dead letters.
        metrics: the counters.
    """

    rule: Rule
    settings: pipeline.DecisionSettings
    topics: TopicNames
    largest: int
    skips: Skips
    memory: Memory
    lease: Lease
    sender: Sender
    encoder: AlertEncoder
    geo: GeoLookup
    dead_letters: DeadLetters
    metrics: Metrics
    _sweeps: dict[int, Sweep] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Each starts at zero, so that an exception that silences nothing is visible too.
        for position in range(len(self.settings.exceptions)):
            self.metrics.excepted.labels(_exception_number(position))

    async def handle(self, events: Sequence[Event], owned: Callable[[], bool]) -> None:
        """Decide on a batch of sightings; return when alerts and memory are acknowledged and stored."""
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
                    partitions[message.partition] = self.memory.partition(message.partition)
                principal = partitions[message.partition].principal(sighting.principal)
                decision = pipeline.detect(sighting, principal, self.rule, self.settings)
                principal.remember(sighting.member_account, decision)
                decided.append((message, sighting, decision))
                if decision.alert is not None:
                    outgoing.append(await self._alert(message, sighting, decision))
        if not owned():
            return
        await self.sender.send_all(outgoing)
        for message, sighting, decision in decided:
            self._count(message, sighting, decision)
        if owned():
            self._forget(partitions, decided)
            await self._keep(list(partitions.values()), owned)

    async def _read(self, message: Message, outgoing: list[Outgoing]) -> Sighting | None:
        """The sighting in a message. If the message is unreadable or skipped, its dead letter goes to ``outgoing``."""
        if self.skips.has(message.topic, message.partition, message.offset):
            outgoing.append(await self.dead_letters.skipped(message))
            return None
        if message.value is None:
            return None  # a tombstone (R5)
        try:
            return codec.decode(message.value)
        except UnknownSchemaError:
            raise  # a newer version wrote it, before a rollback: this version must not go past it
        except WireError as unreadable:
            outgoing.append(self.dead_letters.unread(message, "malformed", str(unreadable)))
            return None

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

    def _forget(self, partitions: dict[int, PartitionMemory], decided: list[_Decided]) -> None:
        seen: dict[int, list[pipeline.Seen]] = {number: [] for number in partitions}
        for message, _, decision in decided:
            origin = origin_of(message)
            kafka_time = origin.timestamp if origin.has_timestamp else None
            seen[message.partition].append(pipeline.Seen(decision.time, kafka_time))
        for number, partition in partitions.items():
            sweep = self._sweeps.setdefault(number, Sweep())
            sweep.forget(partition, seen[number], self.settings)

    async def _keep(self, partitions: list[PartitionMemory], owned: Callable[[], bool]) -> None:
        changes = [(partition, partition.changes()) for partition in partitions]
        records = [
            Outgoing(self.topics.changelog, key, value, partition=partition.number)
            for partition, changed in changes
            for key, value in changed
        ]
        if not records or not await self.lease.wait_until_held(owned):
            return
        stored = await self.sender.send_all(records)
        if not owned():
            return
        acknowledged = iter(stored)
        for partition, changed in changes:
            if changed:
                offsets = [metadata.offset for metadata in islice(acknowledged, len(changed))]
                self.memory.apply(partition, changed, offsets)
            self.metrics.forgotten.inc(partition.forgotten)

    def _count(self, message: Message, sighting: Sighting, decision: pipeline.Decision) -> None:
        metrics = self.metrics
        metrics.decided.labels(decision.outcome).inc()
        if decision.exception is not None:
            metrics.excepted.labels(_exception_number(decision.exception)).inc()
        if decision.alert is None:
            return
        novelty = decision.alert["novelty"]["kind"]
        now = time.time()
        metrics.event_to_alert.observe(max(0.0, now - sighting.event.time / 1000))
        if message.time_in is not None:
            metrics.fetch_to_alert.observe(max(0.0, time.monotonic() - message.time_in))
        if decision.outcome == "overflow":
            metrics.overflow.labels(self.rule.id).inc()
            event = "alert.overflow"
        else:
            metrics.alerts.labels(self.rule.id, novelty).inc()
            event = "alert"
        log.warning(
            event,
            alert_id=decision.alert_id,
            severity=self.rule.severity,
            novelty=novelty,
            principal=sighting.principal,
            member_account=sighting.member_account,
            reason=decision.alert["reason"],
        )


def _exception_number(position: int) -> str:
    """The number of a table in the exceptions file, counted from 1 as in messages and in the summary of a backtest."""
    return str(position + 1)
