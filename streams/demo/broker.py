"""An embedded broker: librdkafka's mock cluster, in this process and gone with it.

It is no Kafka: it keeps everything in memory, knows no transactions and deletes nothing. What the demo needs it does as
Kafka would: idempotent producers, zstd, consumer groups, committed offsets. Three things differ:

* A topic comes into being, with ``PARTITIONS`` partitions, when somebody asks for it.
* It answers a fetch that finds nothing only after the whole time that the fetch may wait, 1.5 s for the worker. So an
  alert takes seconds here that takes milliseconds on Kafka.
* A new consumer group waits three seconds for members, as Kafka's does by default.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from confluent_kafka import Consumer, Producer, TopicPartition

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.demo.story import Message

# What librdkafka gives a topic that does not say how many.
PARTITIONS = 4

_SECONDS = 10.0

_quiet = logging.getLogger(f"{__name__}.librdkafka")
_quiet.disabled = True  # says at every start that the mock cluster is no production cluster


class EmbeddedBroker:
    """One broker. Use it as a context; ``address`` is where Kafka clients of this machine reach it."""

    def __enter__(self) -> Self:
        options = {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "partitioner": "murmur2_random"}
        self._producer = Producer(options, logger=_quiet)
        (broker,) = self._producer.list_topics(timeout=_SECONDS).brokers.values()
        self.address = f"{broker.host}:{broker.port}"
        return self

    def __exit__(self, *_: object) -> None:
        del self._producer  # the cluster ends with its client

    def create(self, topics: Iterable[str]) -> None:
        """Bring topics into being."""
        for topic in topics:
            self._producer.list_topics(topic, timeout=_SECONDS)

    def produce(self, topic: str, messages: Iterable[Message]) -> None:
        """Write messages, keyed by account; returns when all are stored.

        Raises:
            OperatorError: the broker did not take them all.
        """
        for message in messages:
            time = int(message.time.timestamp() * 1000)
            self._producer.produce(topic, message.value, key=message.account, timestamp=time)
        if left := self._producer.flush(_SECONDS):
            raise OperatorError(f"the embedded broker did not take {left} of the messages")

    def all_committed(self, group: str, topics: Iterable[str]) -> bool:
        """Whether a consumer group has committed the end of every partition of these topics."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group}, logger=_quiet)
        try:
            places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
            ends = [consumer.get_watermark_offsets(place, timeout=_SECONDS)[1] for place in places]
            committed = consumer.committed(places, timeout=_SECONDS)
            return all(place.offset >= end or not end for place, end in zip(committed, ends, strict=True))
        finally:
            consumer.close()
