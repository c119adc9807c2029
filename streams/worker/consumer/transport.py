"""The worker's Kafka transport: Faust's driver for aiokafka, with this project's consumer and producer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from faust.transport.drivers import aiokafka as driver

from streams.worker.consumer import consumer
from streams.worker.consumer.bootstrap import wait_for_broker
from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.missing_topics import create_no_topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

create_no_topics()


class Producer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, idempotent: after retries each record is still stored once and in order (KIP-98)."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        wait_for_broker(producer.client)
        return producer


class Worker(consumer.Worker, fetch_thread.Worker, Protocol):
    """The worker's app, as consumer and fetch thread use it."""


class Transport(driver.Transport):  # type: ignore[misc]
    """The transport that the worker's app uses."""

    Consumer: ClassVar[type[consumer.Consumer]] = consumer.Consumer
    Producer: ClassVar[type[Producer]] = Producer

    def __init__(self, url: list[URL], app: Worker) -> None:
        """Connect ``app`` to the brokers at ``url``."""
        super().__init__(url, app)
