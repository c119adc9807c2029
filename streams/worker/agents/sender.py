"""Sending many records and waiting for all their acknowledgements at once, or slice by slice where they are large.

A slice bounds what the producer holds and how many acknowledgements are open: 500 dead letters may be 16 MiB each.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.settings import Settings

_FRAME_BYTES = 64 * 1024
# How many bytes are sent between two waits; the record that goes beyond is the last.
SLICE_BYTES = 8 * 1024 * 1024


class SendError(OperatorError):
    """The broker did not take a record; the message names topic, operation and answer."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send; ``partition`` only where it is not the key's."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


def record_room(settings: Settings) -> int:
    """How many bytes key and value of one record may take: ``max_record_size`` less what headers and frame take."""
    return settings.max_record_size - _FRAME_BYTES


class Sender:
    """Sends through Faust's producer. Records for one partition are stored in the order given."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def send_all(self, records: Sequence[Outgoing]) -> list[Any]:
        """Send all, wait until the broker has acknowledged all; return each one's metadata, in order.

        Raises:
            SendError: the broker refused a record, or did not answer within the producer's timeout.
        """
        return [result for part in _slices(records) for result in await self._send_slice(part)]

    async def _send_slice(self, records: Sequence[Outgoing]) -> list[Any]:
        waiting = [await self._send(record) for record in records]
        results: list[Any] = await asyncio.gather(*waiting, return_exceptions=True)
        metrics = self._app.metrics
        failure: BaseException | None = None
        for record, result in zip(records, results, strict=True):
            if isinstance(result, BaseException):
                metrics.send_failures.labels(record.topic).inc()
                failure = failure or _named(record.topic, result)
            else:
                metrics.sent.labels(record.topic).inc()
        if failure is not None:
            raise failure
        return results

    async def _send(self, record: Outgoing) -> Any:
        headers = list(record.headers)
        try:
            return await self._app.producer.send(
                record.topic, record.key, record.value, record.partition, None, headers
            )
        except (KafkaError, ProducerSendError) as refused:
            raise _named(record.topic, refused) from refused


def _slices(records: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start = size = 0
    for place, record in enumerate(records, 1):
        size += record.size
        if size >= SLICE_BYTES or place == len(records):
            yield records[start:place]
            start, size = place, 0


def _named(topic: str, failure: BaseException) -> BaseException:
    """The failure to send to a topic; one that is not the broker's stays as it is."""
    if not isinstance(failure, KafkaError | ProducerSendError):
        return failure
    named = SendError(f"topic {topic}: Write: {failure or type(failure).__name__}")
    named.__cause__ = failure
    return named
