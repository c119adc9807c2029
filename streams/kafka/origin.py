"""Where a message came from, as Kafka tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.sighting import Origin

if TYPE_CHECKING:
    from confluent_kafka import Message


def origin_of(message: Message) -> Origin:
    """A message's topic, partition, offset and timestamp."""
    return Origin(message.topic(), message.partition(), message.offset(), timestamp_of(message))


def timestamp_of(message: Message) -> int:
    """A message's Kafka timestamp in milliseconds since the epoch; ``NO_TIMESTAMP`` if it has none."""
    kind, timestamp = message.timestamp()
    return NO_TIMESTAMP if kind == TIMESTAMP_NOT_AVAILABLE else timestamp
