"""How many bytes of messages may wait between the broker and the agents.

A backlog of log files of some megabytes each, which compress fiftyfold, would fill any memory if only records were
counted. So it is bounded in three places, for the source topics and for the sightings by themselves, so that neither
holds up the other:

* aiokafka holds answers until a fetch of Faust's takes them. While it holds half of ``HELD_BYTES`` of a kind, the
  broker is not asked for more of it; and the filter takes of an answer no more than there is room for, at least one
  batch if nothing is held. What it leaves is asked for again, so the next request is for as much as was taken of this.
* An agent's queue: while it holds ``QUEUE_BYTES``, nothing more of its topics is taken from aiokafka.
* A batch in hand: see ``batches``.

What is held or queued is measured where it is, not counted as it comes and goes: nothing that is thrown away in a
rebalance can leave a count behind that would stop the flow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.protocol.fetch import FetchRequest

from streams import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The two kinds of topics that are bounded, each by itself.
SOURCES = "sources"
SIGHTINGS = "sightings"
# Of one kind, unpacked by the filter; what it has not unpacked counts as it came.
HELD_BYTES = 32 * 1024 * 1024
QUEUE_BYTES = 32 * 1024 * 1024
# What one answer may take on the wire.
ANSWER_BYTES = 16 * 1024 * 1024
_LEAST_ANSWER_BYTES = 256 * 1024


class Message(Protocol):
    """A message that waits in a queue."""

    @property
    def value(self) -> bytes | None:
        """Its value."""


class Event(Protocol):
    """An event that waits in a queue."""

    @property
    def message(self) -> Message:
        """Its message."""


class Queue(Protocol):
    """What is used of an agent's queue, which derives from asyncio's."""

    @property
    def _queue(self) -> Iterable[Event]: ...


class Queues:
    """The agents' queues, by the topics whose messages they take."""

    def __init__(self) -> None:
        self._queues: dict[frozenset[str], Queue] = {}

    def watch(self, topics: Iterable[str], queue: Queue) -> None:
        """From now on this is the queue of these topics."""
        self._queues[frozenset(topics)] = queue

    def full(self) -> frozenset[str]:
        """The topics of queues that hold all the bytes that they may."""
        return frozenset().union(*(topics for topics, queue in self._queues.items() if queued(queue) >= QUEUE_BYTES))


def queued(queue: Queue) -> int:
    """Bytes of the messages' values in a queue, decompressed content included."""
    return sum(pipeline.size_in_memory(event.message.value) for event in queue._queue)  # noqa: SLF001  asyncio shows no content


@dataclass(slots=True)
class HeldBytes:
    """What aiokafka holds of the answers, by kind.

    Attributes:
        kinds: topic to kind, of the topics that are bounded.
        records: aiokafka's fetched records by partition; only which partitions it holds is looked at.
        sizes: bytes of the latest answer by topic and partition.
    """

    kinds: Mapping[str, str]
    records: Mapping[Any, Any]
    sizes: dict[tuple[str, int], int] = field(default_factory=dict)
    _answer_bytes: int = ANSWER_BYTES

    def bytes(self, kind: str) -> int:
        """What is held of a kind now."""
        return sum(
            self.sizes.get((tp.topic, tp.partition), 0) for tp in self.records if self.kinds.get(tp.topic) == kind
        )

    def room(self, kind: str) -> int:
        """How many bytes of a kind may be added; none if negative."""
        return HELD_BYTES - self.bytes(kind)

    def limit_request(self, request: FetchRequest) -> FetchRequest:
        """The request without what there is no room for, and for no more than one may take; it may name no topic."""
        full = {kind for kind in set(self.kinds.values()) if 2 * self.bytes(kind) >= HELD_BYTES}
        return FetchRequest(
            request._max_wait_ms,  # noqa: SLF001  aiokafka shows only the topics
            request._min_bytes,  # noqa: SLF001
            self._answer_bytes,
            request._isolation_level,  # noqa: SLF001
            [(topic, partitions) for topic, partitions in request.topics if self.kinds.get(topic) not in full],
            request._rack_id,  # noqa: SLF001
        )

    def adjust_next_request(self, came: int, taken: int) -> None:
        """Note how many bytes of an answer came and how many of them were taken, for the size of the next request."""
        if taken < came:
            self._answer_bytes = min(max(taken, _LEAST_ANSWER_BYTES), ANSWER_BYTES)
        else:
            self._answer_bytes = min(2 * self._answer_bytes, ANSWER_BYTES)
