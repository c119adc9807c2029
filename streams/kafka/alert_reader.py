"""Reads the alerts of a topic of alerts, or of overflow, in either wire format: to the end, or on and on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.errors import SourceError
from streams.kafka.reader import Connection
from streams.wire.alert import read_alert
from streams.wire.registry import schema_lookup
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class UnreadableAlert:
    """A value that is no alert, or that this version cannot read: where it is, and why."""

    topic: str
    partition: int
    offset: int
    error: str


def read_alerts(
    settings: Settings, topic: str, *, since: int | None = None, follow: bool = False, may_be_missing: bool = False
) -> Iterator[dict[str, Any] | UnreadableAlert]:
    """The alerts of a topic, from the oldest to the end as it is at the start.

    Args:
        settings: how to reach the cluster and the registry.
        topic: the topic.
        since: leave out what has an older Kafka timestamp (milliseconds).
        follow: go on without end. If retention overtakes the reader, it goes on at the oldest alert.
        may_be_missing: take a topic that does not exist for an empty one.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no such topic.
        OperatorError: the registry cannot be reached or refuses.
    """
    lookup = schema_lookup(settings) if settings.schema_registry_url else None
    with Connection(settings, skip_deleted=follow) as connection:
        partitions = connection.partitions(topic) if may_be_missing else connection.require_partitions(topic)
        spans = _spans(connection, topic, partitions, since)
        if follow:
            messages = connection.follow(topic, {partition: start for partition, (start, _) in spans.items()})
        else:
            messages = connection.read(topic, spans)
        for message in messages:
            try:
                yield read_alert(message.value() or b"", lookup)
            except WireError as error:
                yield _unreadable(message, error)


def distinct_alerts(
    settings: Settings, topic: str, rule_id: str, *, may_be_missing: bool = False
) -> Iterator[dict[str, Any]]:
    """The alerts of one rule on a topic, each id once; the arguments are those of ``read_alerts``.

    Raises:
        SourceError: as ``read_alerts``, or a value on the topic is no alert.
        OperatorError: as ``read_alerts``.
    """
    seen: set[str] = set()
    for alert in read_alerts(settings, topic, may_be_missing=may_be_missing):
        if isinstance(alert, UnreadableAlert):
            raise SourceError(f"{alert.topic}[{alert.partition}]:{alert.offset}: {alert.error}")
        if alert["rule"]["id"] == rule_id and alert["alert_id"] not in seen:
            seen.add(alert["alert_id"])
            yield alert


def _spans(connection: Connection, topic: str, partitions: list[int], since: int | None) -> dict[int, tuple[int, int]]:
    """First offset and end, by partition."""
    spans = {partition: connection.watermarks(topic, partition) for partition in partitions}
    if since is None:
        return spans
    starts = connection.offsets_at(topic, partitions, since)
    # A partition without an offset has nothing so new yet; what is written later is.
    return {
        partition: (end if (start := starts[partition]) is None else start, end)
        for partition, (_, end) in spans.items()
    }


def _unreadable(message: Message, error: WireError) -> UnreadableAlert:
    return UnreadableAlert(message.topic(), message.partition(), message.offset(), str(error))
