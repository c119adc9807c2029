"""Faust's events and messages, as the agents use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Origin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


class Message(Protocol):
    """A Kafka record.

    Attributes:
        topic, partition, offset: its position in Kafka.
        key: its key; ``None`` without one.
        value: its value; ``None`` is a tombstone.
        timestamp: seconds since the epoch; ``None`` in Kafka's first message format, which has no timestamps.
        time_in: when Faust's consumer received it, by the monotonic clock.
        generation_id: the generation of the consumer group in which it was delivered.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float | None
    time_in: float | None
    generation_id: int


class Event(Protocol):
    """A message in a stream."""

    @property
    def message(self) -> Message:
        """The message."""

    def ack(self) -> bool:
        """Note that the message is done."""


class Queue(Protocol):
    """A stream's queue of events."""

    @property
    def _queue(self) -> Iterable[Event]: ...

    def empty(self) -> bool:
        """Whether the queue is empty."""


class Channel(Protocol):
    """The channel that a stream reads."""

    @property
    def queue(self) -> Queue:
        """The queue."""


class Stream(Protocol):
    """An agent's stream."""

    @property
    def channel(self) -> Channel:
        """The channel that it reads."""

    def noack(self) -> Stream:
        """The stream, with events that are acknowledged by hand."""

    def events(self) -> AsyncIterator[Event]:
        """The events, as they arrive."""


def origin_of(message: Message) -> Origin:
    """Return the origin of a message, with its timestamp in milliseconds."""
    timestamp = NO_TIMESTAMP if message.timestamp is None else round(message.timestamp * 1000)
    return Origin(message.topic, message.partition, message.offset, timestamp)
