"""Messages on their way from the consumer to an agent: lists of one partition, each of them one event of Faust's.

Faust's work per event (message, event, queue, acknowledgement, sensors) took a third of the time of a record that
alerts, so an event carries many messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streams import pipeline
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_MESSAGES = 500
"""How many messages a delivery may have."""
MOST_BYTES = 4 * 1024 * 1024
"""How many bytes a delivery may have; the message that exceeds this is its last. One large file alone takes longer than
a round of acknowledgements."""


class Record(Protocol):
    """A record as aiokafka's consumer has it; its timestamp is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Message:
    """A Kafka record.

    Attributes:
        topic, partition, offset: its position in Kafka.
        timestamp: Kafka's, in milliseconds since the epoch; ``NO_TIMESTAMP`` (-1) if it has none.
        key: its key; ``None`` without one.
        value: its value; ``None`` is a tombstone.
        time_in: when this worker fetched it, by the monotonic clock.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    time_in: float

    @property
    def origin(self) -> Origin:
        """Its position and timestamp in Kafka."""
        return Origin(self.topic, self.partition, self.offset, self.timestamp)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages of one partition, in the order of their offsets.

    Attributes:
        messages: the messages; at least one.
        size: bytes of their values, decompressed content included.
    """

    messages: Sequence[Message]
    size: int


def deliveries(records: Sequence[Record], time_in: float) -> Iterator[Delivery]:
    """Give the records of one partition in deliveries, each as large as allowed.

    Args:
        records: what a fetch brought.
        time_in: when, by the monotonic clock.
    """
    messages: list[Message] = []
    size = 0
    for record in records:
        timestamp = NO_TIMESTAMP if record.timestamp is None else record.timestamp
        messages.append(
            Message(record.topic, record.partition, record.offset, timestamp, record.key, record.value, time_in)
        )
        size += pipeline.size_in_memory(record.value)
        if len(messages) == MOST_MESSAGES or size >= MOST_BYTES:
            yield Delivery(messages, size)
            messages, size = [], 0
    if messages:
        yield Delivery(messages, size)
