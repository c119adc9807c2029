"""Limits the bytes of messages that wait between the broker and the agents.

A backlog of log files of some megabytes each, which compress fiftyfold, would fill any memory if only records were
counted. So the bytes are limited at three points, separately for source topics and sightings, so that neither blocks
the other:

* aiokafka holds responses until Faust fetches them. While it holds half of ``HELD_BYTES`` of a kind, the broker is not
  asked for more of that kind. The filter takes from a response only as much as is free, at least one batch if nothing
  is held. The rest is asked for again, so the next request is for as many bytes as were taken this time.
* An agent's queue: while it holds ``QUEUE_BYTES``, no more records of its topics are taken from aiokafka.
* A batch in hand: see ``batches``.

The bytes are measured where they wait, not counted as they come and go. So records that are dropped in a rebalance
leave no wrong count behind, which would stop the flow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.protocol.fetch import FetchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.worker.delivery import Delivery

# The kinds of topics, each with a limit of its own.
SOURCES = "sources"
SIGHTINGS = "sightings"
SESSIONS = "sessions"
# The limit per kind. Filtered bytes count decompressed, others as they came.
HELD_BYTES = 32 * 1024 * 1024
QUEUE_BYTES = 32 * 1024 * 1024
# The limit of one response on the wire.
ANSWER_BYTES = 16 * 1024 * 1024
_LEAST_ANSWER_BYTES = 256 * 1024


class Carrier(Protocol):
    """Faust's message, which carries a delivery."""

    @property
    def value(self) -> Delivery:
        """The delivery."""


class Event(Protocol):
    """An event that waits in a queue."""

    @property
    def message(self) -> Carrier:
        """Its message."""


class Queue(Protocol):
    """An agent's queue, which derives from asyncio's, as it is used here."""

    @property
    def _queue(self) -> Iterable[Event]: ...

    def full(self) -> bool:
        """Whether an event would have to wait until another one is taken."""


class Queues:
    """The agents' queues, by the topics whose messages they take."""

    def __init__(self) -> None:
        self._queues: dict[frozenset[str], Queue] = {}

    def watch(self, topics: Iterable[str], queue: Queue) -> None:
        """Note that this is now the queue of these topics."""
        self._queues[frozenset(topics)] = queue

    def have_room(self, topic: str) -> bool:
        """Whether the queue of a topic takes one more event now. Faust limits their number."""
        return not any(topic in topics and queue.full() for topics, queue in self._queues.items())

    def full(self) -> frozenset[str]:
        """The topics of the queues that have reached their limit."""
        return frozenset().union(*(topics for topics, queue in self._queues.items() if queued(queue) >= QUEUE_BYTES))


def queued(queue: Queue) -> int:
    """Bytes of the messages' values in a queue, decompressed content included."""
    return sum(event.message.value.size for event in queue._queue)  # noqa: SLF001  asyncio has no public access to the content


@dataclass(slots=True)
class HeldBytes:
    """The responses that aiokafka holds, by kind.

    Attributes:
        kinds: topic to kind, for the topics with a limit.
        records: aiokafka's fetched records by partition; only its keys are used.
        sizes: bytes of the latest response by topic and partition.
    """

    kinds: Mapping[str, str]
    records: Mapping[Any, Any]
    sizes: dict[tuple[str, int], int] = field(default_factory=dict)
    _answer_bytes: int = ANSWER_BYTES

    def bytes(self, kind: str) -> int:
        """The bytes of a kind that are held now."""
        return sum(
            self.sizes.get((tp.topic, tp.partition), 0) for tp in self.records if self.kinds.get(tp.topic) == kind
        )

    def free_bytes(self, kind: str) -> int:
        """How many bytes of a kind may be added; none if this is negative."""
        return HELD_BYTES - self.bytes(kind)

    def limit_request(self, request: FetchRequest, is_wanted: Callable[[str, int], bool]) -> FetchRequest:
        """The request for what is wanted and not full, with the present limit of a response; it may name no topic."""
        full = {kind for kind in set(self.kinds.values()) if 2 * self.bytes(kind) >= HELD_BYTES}
        return FetchRequest(
            request._max_wait_ms,  # noqa: SLF001  aiokafka makes only the topics public
            request._min_bytes,  # noqa: SLF001
            self._answer_bytes,
            request._isolation_level,  # noqa: SLF001
            [
                (topic, wanted)
                for topic, partitions in request.topics
                if self.kinds.get(topic) not in full
                and (wanted := [partition for partition in partitions if is_wanted(topic, partition[0])])
            ],
            request._rack_id,  # noqa: SLF001
        )

    def adjust_next_request(self, came: int, taken: int) -> None:
        """Size the next request by how many bytes of a response came and how many of them were taken."""
        if taken < came:
            self._answer_bytes = min(max(taken, _LEAST_ANSWER_BYTES), ANSWER_BYTES)
        else:
            self._answer_bytes = min(2 * self._answer_bytes, ANSWER_BYTES)
