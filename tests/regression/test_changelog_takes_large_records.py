"""With Kafka's own limit of 1 MiB a large bucket or principal could not be remembered: no worker got past it.

The changelog alone of all topics had no ``max.message.bytes`` of its own.
"""

from __future__ import annotations

from streams.kafka_security import MAX_MESSAGE_BYTES
from streams.settings import Settings
from streams.worker.topics import catalogue, topic_names


def test_every_written_topic_takes_what_the_producer_sends() -> None:
    """A2: whatever the producer may send, the topic takes, whatever the broker's own limit."""
    settings = Settings.model_validate({})
    leader = topic_names(settings).leader  # Faust's, and never written
    limits = {topic.name: topic.config.get("max.message.bytes") for topic in catalogue(settings)}
    del limits[leader]
    assert set(limits.values()) == {str(MAX_MESSAGE_BYTES)}
