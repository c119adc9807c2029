"""How far partitions have been handled: those of this worker, and by the broker those of the whole group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterable

# The longest wait for the broker. What asks does so again after some seconds.
ANSWER_SECONDS = 5.0


class Progress(NamedTuple):
    """How far a partition has been handled.

    Attributes:
        topic: its topic.
        partition: its number.
        done: the committed offset; ``None`` if nothing was committed or delivered yet.
        end: the end of the partition; ``None`` if nothing was fetched yet.
    """

    topic: str
    partition: int
    done: int | None
    end: int | None

    @property
    def lag(self) -> int | None:
        """How many messages are still to be handled; ``None`` while that is not known.

        Neither committed nor delivered: the partition's first offset may be any, and there is nothing after it.
        """
        if self.end is None:
            return None
        return 0 if self.done is None else max(0, self.end - self.done)


async def ask_progress(consumer: Any, topics: Iterable[str]) -> list[Progress] | None:
    """Ask the broker how far the group has handled each partition of these topics, whichever worker has it.

    Args:
        consumer: a started ``AIOKafkaConsumer`` of the group.
        topics: the topics; one that does not exist has no partitions.

    Returns:
        ``None`` if the broker does not answer in time.
    """
    partitions = [
        TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic) or ()
    ]
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            ends = await consumer.end_offsets(partitions)
            # One request. Its public ``committed`` makes one per partition.
            committed = await consumer._coordinator.fetch_committed_offsets(partitions)  # noqa: SLF001  see above
    except (KafkaError, TimeoutError):
        return None
    return [
        Progress(tp.topic, tp.partition, committed[tp].offset if tp in committed else None, ends[tp])
        for tp in partitions
    ]
