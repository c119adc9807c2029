"""Topics of a benchmark: how they are filled, watched and deleted."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType
from confluent_kafka.admin import AlterConfigOpType as Change
from confluent_kafka.admin import ConfigEntry as Entry
from kafka_broker import create_topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BY_THE_BROKER = {"message_timestamp_type": "LogAppendTime"}


def fill(bootstrap: str, topic: str, values: Iterable[bytes], codec: str) -> int:
    """Send the values, in batches as a busy forwarder makes them; return how many.

    Raises:
        RuntimeError: the broker did not take all.
    """
    return fill_keyed(bootstrap, topic, ((-1, None, value) for value in values), codec)


def fill_keyed(bootstrap: str, topic: str, entries: Iterable[tuple[int, bytes | None, bytes]], codec: str) -> int:
    """Send partition (-1 for any), key and value of each; return how many.

    Raises:
        RuntimeError: the broker did not take all.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": codec,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 400_000,
            "sticky.partitioning.linger.ms": 0,  # one record after the other to any partition: all get as many
        }
    )
    count = 0
    for partition, key, value in entries:
        while True:
            try:
                producer.produce(topic, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        if count % 1_000 == 0:
            producer.poll(0)
    if producer.flush(120):
        raise RuntimeError(f"the broker did not take all of {topic}")
    return count


@contextmanager
def filled(bootstrap: str, values: Iterable[bytes], partitions: int, codec: str = "zstd") -> Iterator[str]:
    """The name of a new topic with these values; deleted at the end."""
    topic = create_topic(bootstrap, f"bench-{uuid.uuid4().hex[:8]}", partitions)
    try:
        fill(bootstrap, topic, values, codec)
        yield topic
    finally:
        delete(bootstrap, topic)


def delete(bootstrap: str, start: str) -> None:
    """Delete every topic whose name starts so."""
    admin = _admin(bootstrap)
    topics = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith(start)]
    for deleted in (admin.delete_topics(topics) if topics else {}).values():
        deleted.result(30)


def stamp_by_the_broker(bootstrap: str, topic: str) -> None:
    """Let the broker stamp what the topic takes with the time at which it takes it."""
    resource = ConfigResource(
        ResourceType.TOPIC,
        topic,
        incremental_configs=[
            Entry("message.timestamp.type", "LogAppendTime", incremental_operation=Change.SET),
        ],
    )
    admin = _admin(bootstrap)
    admin.incremental_alter_configs([resource])[resource].result(30)


def _admin(bootstrap: str) -> AdminClient:
    """A client that says nothing when the broker ends before it."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


class Ends:
    """How many messages topics have taken so far."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._admin = _admin(bootstrap)
        self._asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}

    def count(self) -> int:
        """The sum of its end offsets; 0 while it does not exist."""
        try:
            return sum(end.result(30).offset for end in self._admin.list_offsets(self._asked).values())
        except KafkaException:
            return 0

    def newest(self) -> float:
        """The latest timestamp of its last messages, in seconds since the epoch."""
        ends = {place: end.result(30).offset for place, end in self._admin.list_offsets(self._asked).items()}
        last = [TopicPartition(place.topic, place.partition, end - 1) for place, end in ends.items() if end]
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": "nobody", "enable.auto.commit": False})
        consumer.assign(last)
        times: dict[int, float] = {}
        while len(times) < len(last):
            for message in consumer.consume(100, timeout=1):
                times[message.partition()] = message.timestamp()[1] / 1000
        consumer.close()
        return max(times.values())
