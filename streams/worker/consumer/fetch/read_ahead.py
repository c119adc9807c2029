"""Asks a broker for what follows a response before that response is filtered.

aiokafka asks a broker for more only once all records of the response before have been taken. Broker and worker then
work in turn: while one reads and sends, the other waits. The rules:

* The request ahead is the one before, from the offsets behind what came. It waits for nothing that aiokafka asks.
* What came ahead answers aiokafka's next request for the same offsets. Partitions that aiokafka asks from elsewhere, or
  not at all, are left out of the answer.
* It is asked only behind a large response of the source topics. At the end of a topic nothing is asked ahead.
* It is asked only while the filter drops most of what comes. Else the bytes would wait here for memory to hold them.
* One response per broker is ahead, and is kept for ten seconds: its partitions may have been given up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiokafka.protocol.fetch import FetchRequest

from streams.worker.consumer.fetch.fetch_filter import offset_behind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

# A response of the source topics with so many bytes has more behind it.
LARGE_BYTES = 1024 * 1024

# For how long what came ahead is kept, unless it is asked for.
KEPT_SECONDS = 10.0

Place = tuple[str, int, int]
"""Topic, partition and offset from which it is read."""


@dataclass(slots=True)
class _Ahead:
    """A request that was sent ahead."""

    request: FetchRequest
    response: asyncio.Task[Any]
    asked_at: float


class ReadAhead:
    """The requests that were sent ahead, by broker.

    Attributes:
        drops_most: whether the filter dropped most of the latest response; the client sets it.
    """

    def __init__(
        self,
        source_topics: Collection[str],
        ask: Callable[[Any, FetchRequest], Awaitable[Any]],
        large: int = LARGE_BYTES,
    ) -> None:
        """Ask a broker by ``ask``; behind ``large`` bytes of the source topics there are more."""
        self._source_topics = source_topics
        self._ask = ask
        self._large = large
        self._ahead: dict[Any, _Ahead] = {}
        self.drops_most = False

    async def answer(self, node: Any, request: FetchRequest) -> Any:
        """Return a broker's response to a fetch, which may have come ahead, and ask for what follows it."""
        wanted = {*places(request)}
        ahead = self._taken(node, wanted)
        if ahead is None:
            response = await self._ask(node, request)
        else:
            response = await ahead.response
            leave_out(response, {*places(ahead.request)} - wanted)
        if node not in self._ahead and self.drops_most and (following := self._following(request, response)):
            self._ahead[node] = _Ahead(following, _task(self._ask(node, following)), _now())
        return response

    def _taken(self, node: Any, wanted: Collection[Place]) -> _Ahead | None:
        """Take what is ahead and answers some of what is wanted; what never will is dropped."""
        ahead = self._ahead.get(node)
        if ahead is None:
            return None
        is_late = _now() - ahead.asked_at > KEPT_SECONDS
        is_usable = not is_late and any(place in wanted for place in self._of_sources(ahead.request))
        if is_usable or is_late or self._are_asked_elsewhere(ahead.request, wanted):
            del self._ahead[node]
        return ahead if is_usable else None

    def _of_sources(self, request: FetchRequest) -> Iterator[Place]:
        return (place for place in places(request) if place[0] in self._source_topics)

    def _are_asked_elsewhere(self, request: FetchRequest, wanted: Collection[Place]) -> bool:
        """Whether a source partition of a request is wanted from another offset now."""
        asked = {(topic, partition) for topic, partition, _ in wanted}
        return any((topic, partition) in asked for topic, partition, _ in self._of_sources(request))

    def _following(self, request: FetchRequest, response: Any) -> FetchRequest | None:
        """The request for what follows a response; ``None`` if the response is small or does not say what follows."""
        behind: dict[tuple[str, int], int] = {}
        size = 0
        for topic, partitions in response.topics:
            for number, error, *_, fetched in partitions:
                if error:
                    return None
                if not fetched:
                    continue
                offset = offset_behind(fetched)
                if offset is None:
                    return None
                behind[topic, number] = offset
                size += len(fetched) if topic in self._source_topics else 0
        if size < self._large:
            return None
        return FetchRequest(
            request._max_wait_ms,  # noqa: SLF001  aiokafka makes only the topics public
            request._min_bytes,  # noqa: SLF001
            request._max_bytes,  # noqa: SLF001
            request._isolation_level,  # noqa: SLF001
            [
                (topic, [(number, behind.get((topic, number), offset), most) for number, offset, most in partitions])
                for topic, partitions in request.topics
            ],
            request._rack_id,  # noqa: SLF001
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def places(request: FetchRequest) -> Iterator[Place]:
    """Give what a request asks for."""
    return ((topic, number, offset) for topic, partitions in request.topics for number, offset, _ in partitions)


def leave_out(response: Any, unwanted: Collection[Place]) -> None:
    """Remove partitions from a response."""
    gone = {(topic, number) for topic, number, _ in unwanted}
    response.topics = [
        (topic, kept)
        for topic, partitions in response.topics
        if (kept := [each for each in partitions if (topic, each[0]) not in gone])
    ]


def _task(asked: Awaitable[Any]) -> asyncio.Task[Any]:
    """A task whose failure nobody need hear of: aiokafka asks again."""

    async def wait() -> Any:
        return await asked

    task = asyncio.create_task(wait())
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
