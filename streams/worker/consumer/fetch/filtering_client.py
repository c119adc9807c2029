"""Puts the fetch filter between aiokafka's connection and its fetcher.

The rules:

* Only records of a source topic that may match are kept (``fetch_filter``); the others never become Faust events.
* A changelog partition is fetched only while it is followed, in a recovery or as a standby. aiokafka fetches what is
  assigned. It would hold what this worker itself has written to a changelog, and when it begins to hold some, its next
  fetch of anything waits for 0.1 s: the first alerts of each partition were late by that.
* Source topics and sightings are fetched only as far as their bytes are below a limit (``held_bytes``).
* If the broker no longer has an offset, aiokafka goes on from the oldest record. This is logged as an error and
  counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka.client import ConnectionGroup
from aiokafka.errors import OffsetOutOfRangeError

from streams.worker.consumer.fetch.held_bytes import SOURCES, HeldBytes
from streams.worker.consumer.fetch.read_ahead import ReadAhead
from streams.worker.consumer.fetch.response_reader import FETCH, attach
from streams.worker.consumer.fetch.source_filter import Part, SourceFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.worker.monitoring.counters import Metrics
    from streams.worker.skips import Skips

log = structlog.get_logger(__name__)

# How long a broker may delay an empty response. aiokafka has one fetch at a time under way per broker, which leaves out
# partitions whose records it still holds. With Faust's 1.5 s these partitions wait that long if all others are quiet.
FETCH_WAIT_MS = 100


# The filter drops most of a response if what is left is less than one byte of so many.
DROPS_MOST = 4


@dataclass(frozen=True, slots=True)
class FetchFilter:
    """The configuration of the filter.

    Attributes:
        source_topics: the topics whose records are filtered.
        find_marks: returns the positions of the rule's marks in a range of bytes, in order.
        select: returns a value that may match, with its content if it is compressed; ``None`` for any other value.
        skips: records that are kept whatever they hold, because they become dead letters.
    """

    source_topics: frozenset[str]
    find_marks: Callable[[bytes | memoryview, int, int], Sequence[int]]
    select: Callable[[bytes | None], bytes | bytearray | None]
    skips: Skips


class FilteringClient:
    """aiokafka's client as its fetcher sees it: responses to fetches hold only what may match.

    aiokafka has no other hook between the bytes of a response and their unpacking.
    """

    def __init__(
        self,
        client: Any,
        fetch_filter: FetchFilter,
        held: HeldBytes,
        metrics: Metrics,
        is_wanted: Callable[[str, int], bool],
    ) -> None:
        """Wrap aiokafka's ``client``; ``is_wanted`` says of a topic's partition whether it is to be fetched now."""
        self._client = client
        self._is_wanted = is_wanted
        self._fetch_filter = fetch_filter
        self._source_filter = SourceFilter(fetch_filter.find_marks, fetch_filter.skips)
        self._read_ahead = ReadAhead(fetch_filter.source_topics, self._ask)
        self._held = held
        self._metrics = metrics
        self._one_at_a_time = asyncio.Lock()  # each response uses up free bytes
        self._reported: set[tuple[str, int, int]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        """Send a request. Limit a fetch to the free bytes, and filter its response."""
        if request.API_KEY != FETCH:
            return await self._client.send(node, request, group=group)
        request = self._held.limit_request(request, self._is_wanted)
        if not request.topics:
            await asyncio.sleep(FETCH_WAIT_MS / 1000)  # as a broker without records would wait
            return EmptyResponse()
        response = await self._read_ahead.answer(node, request)
        self._report_deleted_offsets(request, response)
        async with self._one_at_a_time:
            await self._filter(response)
        return response

    async def _ask(self, node: Any, request: Any) -> Any:
        if await self._client.ready(node):
            # aiokafka has no public access to a connection.
            attach(self._client._conns[node, ConnectionGroup.DEFAULT])  # noqa: SLF001
        return await self._client.send(node, request)

    def _report_deleted_offsets(self, request: Any, response: Any) -> None:
        """Log and count offsets that the broker no longer has: aiokafka silently goes on from the oldest record.

        Each is reported once: after the recovery Faust seeks the same committed offset again.
        """
        gone = {
            (topic, partition)
            for topic, partitions in response.topics
            for partition, error, *_ in partitions
            if error == OffsetOutOfRangeError.errno
        }
        if not gone:
            return
        for topic, partitions in request.topics:
            for partition, offset, *_ in partitions:
                lost = (topic, partition, offset)
                if (topic, partition) in gone and lost not in self._reported:
                    self._reported.add(lost)
                    self._metrics.offset_resets.labels(topic).inc()
                    log.error(
                        "offset.gone",
                        topic=topic,
                        partition=partition,
                        offset=offset,
                        consequence="reading goes on from the oldest record; records that were deleted unread are lost",
                    )

    async def _filter(self, response: Any) -> None:
        """Keep in a response what may match, up to the free bytes."""
        parts: list[Part] = []
        for topic, partitions in response.topics:
            for number, *_, fetched in partitions:
                if fetched and topic in self._fetch_filter.source_topics:
                    parts.append(Part(topic, number, fetched))
        filtered = iter(await self._source_filter.filter(parts, self._held.free_bytes(SOURCES)))
        came = taken = left = 0
        for topic, partitions in response.topics:
            for place, (number, *head, fetched) in enumerate(partitions):
                if not fetched:
                    continue
                if topic in self._fetch_filter.source_topics:
                    one = next(filtered)
                    self._metrics.count_fetched(topic, number, one)
                    kept, came, taken = one.kept, came + len(fetched), taken + one.taken
                    left += len(kept)
                else:
                    kept = bytes(fetched)
                self._held.sizes[topic, number] = len(kept)
                partitions[place] = (number, *head, kept)
        if came:
            self._held.adjust_next_request(came, taken)
            self._read_ahead.drops_most = taken == came and left * DROPS_MOST <= came


class EmptyResponse:
    """The response to a fetch that was not sent."""

    topics = ()
