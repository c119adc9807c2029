"""Sends many records and waits for all acknowledgements at once, or per slice if the records are large.

The rules:

* The records of a slice that go to one partition are one batch with one acknowledgement, where aiokafka's ``send``
  has a future per record: that took a tenth of the time of a record that alerts.
* A slice limits the bytes that the producer holds and the open acknowledgements: 500 dead letters may have 16 MiB each.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiokafka.errors import KafkaError

from streams.errors import OperatorError
from streams.kafka.partitioner import hash_together, partition_of
from streams.worker.outgoing import SLICE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from streams.worker.monitoring.counters import Metrics
    from streams.worker.outgoing import Acknowledged, Outgoing


class SendError(OperatorError):
    """The broker did not accept a record; the message names topic, operation and answer."""


class Batch(Protocol):
    """Records for one partition, encoded as they are added."""

    def append(
        self, *, timestamp: None, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> object | None:
        """Add a record; ``None`` if the batch is full. An empty batch takes a record of any size."""


class Producer(Protocol):
    """The worker's producer, as the sender uses it."""

    async def partitions(self, topic: str, /) -> int:
        """How many partitions a topic has."""

    def any_partition(self, topic: str, /) -> int:
        """A partition for a record without a key, at random."""

    def create_batch(self) -> Batch:
        """An empty batch."""

    async def send_batch(self, batch: Batch, topic: str, partition: int, /) -> Awaitable[Acknowledged]:
        """Send a batch; the returned awaitable gives its first offset once the broker has stored it."""


@dataclass(slots=True)
class _Group:
    """A batch, and the positions of its records in what is sent."""

    topic: str
    partition: int
    batch: Batch
    positions: list[int] = field(default_factory=list)


class Sender:
    """Sends through the worker's producer. Records for one partition are stored in the order given."""

    def __init__(self, producer: Callable[[], Producer], metrics: Metrics) -> None:
        """Send with ``producer()``, which may exist only once the worker has started."""
        self._producer = producer
        self._metrics = metrics

    async def send_all(self, records: Sequence[Outgoing]) -> list[int]:
        """Send all records, wait until the broker has acknowledged all; return their offsets, in order.

        Raises:
            SendError: the broker refused a record, or did not answer within the producer's timeout.
        """
        return [offset for part in _slices(records) for offset in await self._send_slice(part)]

    async def _send_slice(self, records: Sequence[Outgoing]) -> list[int]:
        groups = await self._grouped(records)
        waiting = [await self._send(group) for group in groups]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        offsets = [0] * len(records)
        failure: BaseException | None = None
        for group, result in zip(groups, results, strict=True):
            if isinstance(result, BaseException):
                self._metrics.send_failures.labels(group.topic).inc(len(group.positions))
                failure = failure or _with_topic(group.topic, result)
                continue
            self._metrics.sent.labels(group.topic).inc(len(group.positions))
            for offset, position in enumerate(group.positions, result.offset):
                offsets[position] = offset
        if failure is not None:
            raise failure
        return offsets

    async def _grouped(self, records: Sequence[Outgoing]) -> list[_Group]:
        """The batches of the records, in the order of their first records."""
        producer, counts = self._producer(), dict[str, int]()
        hash_together(record.key for record in records if record.partition is None and record.key is not None)
        groups: list[_Group] = []
        latest: dict[tuple[str, int], _Group] = {}
        for position, record in enumerate(records):
            topic, partition = record.topic, record.partition
            if partition is None:
                if topic not in counts:
                    counts[topic] = await self._partitions(topic)
                key = record.key
                partition = producer.any_partition(topic) if key is None else partition_of(key, counts[topic])
            group = latest.get((topic, partition))
            while group is None or not _added(group.batch, record):
                group = latest[topic, partition] = _Group(topic, partition, producer.create_batch())
                groups.append(group)
            group.positions.append(position)
        return groups

    async def _partitions(self, topic: str) -> int:
        try:
            return await self._producer().partitions(topic)
        except KafkaError as refused:
            raise _with_topic(topic, refused) from refused

    async def _send(self, group: _Group) -> Awaitable[Acknowledged]:
        try:
            return await self._producer().send_batch(group.batch, group.topic, group.partition)
        except KafkaError as refused:
            raise _with_topic(group.topic, refused) from refused


def _added(batch: Batch, record: Outgoing) -> bool:
    headers = list(record.headers)
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None


def _slices(records: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start = size = 0
    for number, record in enumerate(records, 1):
        size += record.size
        if size >= SLICE_BYTES or number == len(records):
            yield records[start:number]
            start, size = number, 0


def _with_topic(topic: str, failure: BaseException) -> BaseException:
    """The broker's failure as a ``SendError`` that names the topic; any other failure unchanged."""
    if not isinstance(failure, KafkaError):
        return failure
    named = SendError(f"topic {topic}: Write: {failure or type(failure).__name__}")
    named.__cause__ = failure
    return named
