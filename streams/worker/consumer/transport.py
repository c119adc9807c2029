"""The worker's Kafka transport: Faust's driver for aiokafka, with this project's consumer and producer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from faust.transport.drivers import aiokafka as driver

from streams.worker.consumer import consumer
from streams.worker.consumer.bootstrap import wait_for_broker
from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.missing_topics import create_no_topics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from yarl import URL

    from streams.worker.outgoing import Acknowledged

create_no_topics()


class Producer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, idempotent: after retries each record is still stored once and in order (KIP-98)."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        wait_for_broker(producer.client)
        return producer

    async def on_start(self) -> None:
        """Start, and learn of all topics at once: else the first alert would wait for an answer per topic."""
        await super().on_start()
        await self._ensure_producer().client.set_topics(self.app.topic_names.all())

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; waits until the broker has told."""
        partitions: set[int] = await self._ensure_producer().partitions_for(topic)
        return len(partitions)

    def any_partition(self, topic: str) -> int:
        """A partition for a record without a key, at random; one with a leader if any has one."""
        cluster = self._ensure_producer().client.cluster
        partitions = cluster.available_partitions_for_topic(topic) or cluster.partitions_for_topic(topic)
        chosen: int = random.choice(sorted(partitions))  # noqa: S311  no secret
        return chosen

    def create_batch(self) -> Any:
        """An empty batch of aiokafka's."""
        return self._ensure_producer().create_batch()

    async def send_batch(self, batch: Any, topic: str, partition: int) -> Awaitable[Acknowledged]:
        """Send a batch; the returned awaitable gives its first offset once the broker has stored it."""
        acknowledged: Awaitable[Acknowledged] = await self._ensure_producer().send_batch(
            batch, topic, partition=partition
        )
        return acknowledged


class Worker(consumer.Worker, fetch_thread.Worker, Protocol):
    """The worker's app, as consumer and fetch thread use it."""


class Transport(driver.Transport):  # type: ignore[misc]
    """The transport that the worker's app uses."""

    Consumer: ClassVar[type[consumer.Consumer]] = consumer.Consumer
    Producer: ClassVar[type[Producer]] = Producer

    def __init__(self, url: list[URL], app: Worker) -> None:
        """Connect ``app`` to the brokers at ``url``."""
        super().__init__(url, app)
