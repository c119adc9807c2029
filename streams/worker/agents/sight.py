"""The sight agent: messages of the source topics in, sightings and dead letters out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from streams import pipeline
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Origin
from streams.wire import sighting as codec
from streams.worker.agents.batches import Turns, in_hand
from streams.worker.agents.dead_letter import dead_letter
from streams.worker.agents.sender import SLICE_BYTES, Outgoing, record_room
from streams.worker.agents.skipped_letter import skipped_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.extraction.sighting import Sighting

log = structlog.get_logger(__name__)

# A message above this is read in a thread: handing it over costs far less than reading it.
LARGE_BYTES = 128 * 1024


def origin_of(message: Any) -> Origin:
    """Return where a Faust message came from; one in Kafka's first message format has no timestamp at all."""
    timestamp = NO_TIMESTAMP if message.timestamp is None else round(message.timestamp * 1000)
    return Origin(message.topic, message.partition, message.offset, timestamp)


class Sight:
    """Handles batches of source messages: read, take, send, wait for the acknowledgements."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._topics = app.topic_names
        self._room = record_room(app.options)

    async def handle(self, events: Sequence[Any], _owned: Callable[[], bool]) -> None:
        """Send what a batch of source messages holds; returns when the broker has acknowledged all of it."""
        turns, size = Turns(), 0
        outgoing: list[Outgoing] = []
        for event in events:
            read = await self._outgoing(event.message)
            outgoing += read
            size += sum(record.size for record in read)
            if size >= SLICE_BYTES:
                await self._app.sender.send_all(outgoing)
                outgoing, size = [], 0
            await turns.rest()
        await self._app.sender.send_all(outgoing)

    async def _outgoing(self, message: Any) -> list[Outgoing]:
        if self._app.skips.has(message.topic, message.partition, message.offset):
            return [await skipped_letter(self._app, message, origin_of(message))]
        with in_hand(message):
            if len(message.value or b"") > LARGE_BYTES:  # so that the event loop has its turns meanwhile
                return await asyncio.to_thread(self._read, message)
            return self._read(message)

    def _read(self, message: Any) -> list[Outgoing]:
        app = self._app
        origin = origin_of(message)
        result = pipeline.sight(message.value, app.rule, app.extract_settings, origin)
        for shape, records in result.records.items():
            app.metrics.records.labels(shape).inc(records)
        app.metrics.passed_over.inc(sum(result.passed_over.values()))
        return [
            *(self._sighting(message, sighting) for sighting in result.sightings),
            *(self._dead_letter(message, rejected) for rejected in result.rejected),
        ]

    def _sighting(self, message: Any, sighting: Sighting) -> Outgoing:
        try:
            value = codec.encode(sighting)
        except ValueError as unfit:
            return self._dead_letter(message, _not_sent("malformed", str(unfit), sighting))
        key = sighting.principal.encode()
        if len(key) + len(value) > self._room:
            error = f"the sighting is {len(key) + len(value)} bytes, more than the {self._room} of max_record_size"
            return self._dead_letter(message, _not_sent("too-large", error, sighting))
        self._app.metrics.sightings.inc()
        return Outgoing(self._topics.sightings, key, value)

    def _dead_letter(self, message: Any, rejected: pipeline.Rejected) -> Outgoing:
        origin = origin_of(message)
        self._app.metrics.dead_letters.labels(rejected.reason).inc()
        log.warning(
            "dead_letter",
            reason=rejected.reason,
            error=rejected.error,
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            element=rejected.element,
        )
        return dead_letter(self._topics.dead_letter, message.key, rejected, origin, self._room)


def _not_sent(reason: str, error: str, sighting: Sighting) -> pipeline.Rejected:
    return pipeline.Rejected(reason, error, None, sighting.record.encode(), redacted=True)
