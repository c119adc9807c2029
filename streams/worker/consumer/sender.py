"""Sends many records and waits for all acknowledgements at once, or per slice if the records are large.

A slice limits the bytes that the producer holds and the open acknowledgements: 500 dead letters may have 16 MiB each.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.errors import OperatorError
from streams.worker.outgoing import SLICE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from streams.worker.monitoring.counters import Metrics
    from streams.worker.outgoing import Acknowledged, Outgoing


class SendError(OperatorError):
    """The broker did not accept a record; the message names topic, operation and answer."""


class Producer(Protocol):
    """Faust's producer, as the sender uses it."""

    async def send(  # noqa: PLR0913, PLR0917  Faust's signature
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: list[tuple[str, bytes]],
        /,
    ) -> Awaitable[Acknowledged]:
        """Send a record; the returned awaitable is done once the broker has stored it."""


class Sender:
    """Sends through Faust's producer. Records for one partition are stored in the order given."""

    def __init__(self, producer: Callable[[], Producer], metrics: Metrics) -> None:
        """Send with ``producer()``, which may exist only once the worker has started."""
        self._producer = producer
        self._metrics = metrics

    async def send_all(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        """Send all records, wait until the broker has acknowledged all; return the acknowledgements, in order.

        Raises:
            SendError: the broker refused a record, or did not answer within the producer's timeout.
        """
        return [result for part in _slices(records) for result in await self._send_slice(part)]

    async def _send_slice(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        waiting = [await self._send(record) for record in records]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        acknowledged: list[Acknowledged] = []
        failure: BaseException | None = None
        for record, result in zip(records, results, strict=True):
            if isinstance(result, BaseException):
                self._metrics.send_failures.labels(record.topic).inc()
                failure = failure or _with_topic(record.topic, result)
            else:
                self._metrics.sent.labels(record.topic).inc()
                acknowledged.append(result)
        if failure is not None:
            raise failure
        return acknowledged

    async def _send(self, record: Outgoing) -> Awaitable[Acknowledged]:
        try:
            return await self._producer().send(
                record.topic, record.key, record.value, record.partition, None, list(record.headers)
            )
        except (KafkaError, ProducerSendError) as refused:
            raise _with_topic(record.topic, refused) from refused


def _slices(records: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start = size = 0
    for number, record in enumerate(records, 1):
        size += record.size
        if size >= SLICE_BYTES or number == len(records):
            yield records[start:number]
            start, size = number, 0


def _with_topic(topic: str, failure: BaseException) -> BaseException:
    """The broker's failure as a ``SendError`` that names the topic; any other failure unchanged."""
    if not isinstance(failure, KafkaError | ProducerSendError):
        return failure
    named = SendError(f"topic {topic}: Write: {failure or type(failure).__name__}")
    named.__cause__ = failure
    return named
