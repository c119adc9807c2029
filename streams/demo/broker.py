"""An embedded broker: librdkafka's mock cluster, which lives and ends with this process.

It is not Kafka: it keeps everything in memory, has no transactions and deletes nothing. What the demo needs works as in
Kafka: idempotent producers, zstd, consumer groups, committed offsets. Three things to know:

* A topic is created, with ``PARTITIONS`` partitions, when somebody asks for it.
* A fetch that finds nothing is answered only after the maximum wait, 1.5 s for the worker. So an alert takes seconds
  here, and milliseconds on Kafka.
* A new consumer group waits three seconds for members, as in Kafka by default.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from confluent_kafka import Consumer, Producer, TopicPartition

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.demo.story import Message

# librdkafka's default number.
PARTITIONS = 4

_SECONDS = 10.0

_quiet = logging.getLogger(f"{__name__}.librdkafka")
_quiet.disabled = True  # warns at every start that a mock cluster is not for production


class EmbeddedBroker:
    """One broker, as a context. Kafka clients on this machine reach it at ``address``."""

    def __enter__(self) -> Self:
        options = {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "partitioner": "murmur2_random"}
        self._producer = Producer(options, logger=_quiet)
        (broker,) = self._producer.list_topics(timeout=_SECONDS).brokers.values()
        self.address = f"{broker.host}:{broker.port}"
        return self

    def __exit__(self, *_: object) -> None:
        del self._producer  # the cluster ends with its client

    def create(self, topics: Iterable[str]) -> None:
        """Create topics."""
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
            positions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
            ends = [consumer.get_watermark_offsets(position, timeout=_SECONDS)[1] for position in positions]
            committed = consumer.committed(positions, timeout=_SECONDS)
            return all(position.offset >= end or not end for position, end in zip(committed, ends, strict=True))
        finally:
            consumer.close()
