"""Reads the alerts of a live run from their topic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, TopicPartition

from streams.backtest.consumer import PATIENCE, Connection
from streams.backtest.wanted import SourceError
from streams.operator_error import OperatorError
from streams.wire.alert import read_alert
from streams.wire.registry import RegistryRefused, RegistryUnavailable, schema_lookup
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from streams.settings import Settings

_BATCH = 1_000


def live_alerts(settings: Settings, topic: str, rule_id: str, *, may_be_missing: bool = False) -> list[dict[str, Any]]:
    """The rule's alerts on a topic, from its oldest record to the end seen at the start, each id once.

    Args:
        settings: how to reach the cluster and the registry.
        topic: the topic of alerts, or of overflow.
        rule_id: alerts of other rules are left out.
        may_be_missing: a topic that does not exist is an empty one.

    Raises:
        SourceError: the cluster cannot be reached or refuses, there is no such topic, or a value on it is no alert.
        OperatorError: the registry cannot be reached or refuses.
    """
    lookup = schema_lookup(settings) if settings.schema_registry_url else None
    alerts: dict[str, dict[str, Any]] = {}
    with Connection(settings) as connection:
        partitions = connection.partitions(topic)
        if not partitions and not may_be_missing:
            raise SourceError(f"topic {topic}: there is no such topic")
        for message in _messages(connection, topic, partitions):
            try:
                alert = read_alert(message.value() or b"", lookup)
            except WireError as error:
                raise SourceError(f"{topic}[{message.partition()}]:{message.offset()}: {error}") from error
            except (RegistryUnavailable, RegistryRefused) as error:
                raise OperatorError(str(error)) from error
            if alert["rule"]["id"] == rule_id:
                alerts.setdefault(alert["alert_id"], alert)
    return list(alerts.values())


def _messages(connection: Connection, topic: str, partitions: list[int]) -> Iterator[Message]:
    bounds = {partition: connection.watermarks(topic, partition) for partition in partitions}
    ends = {partition: end for partition, (oldest, end) in bounds.items() if oldest < end}
    consumer = connection.consumer
    consumer.assign([TopicPartition(topic, partition, bounds[partition][0]) for partition in ends])
    heard = time.monotonic()
    while ends:
        for message in consumer.consume(_BATCH, 0.1):
            heard = time.monotonic()
            error = message.error()
            if error is None and message.offset() < ends.get(message.partition(), 0):
                yield message
            elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  a public name
                ends.pop(message.partition(), None)
            elif error is not None and not error.retriable():
                raise SourceError(f"topic {topic}: {error.str()}")
        connection.raise_refusal(f"topic {topic}")
        if time.monotonic() - heard > PATIENCE:
            raise SourceError(f"topic {topic}: nothing heard for {PATIENCE:.0f} s")
        for place in consumer.position([TopicPartition(topic, partition) for partition in ends]):
            if place.offset >= ends[place.partition]:
                del ends[place.partition]
