"""Reads the alerts of a topic of alerts, or of overflow, to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.errors import SourceError
from streams.kafka.readers.published import PublishedReader, Source, UnreadableValue
from streams.wire.alert import read_alert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from streams.settings import Settings


def read_alerts(
    settings: Settings, topic: str, *, may_be_missing: bool = False
) -> Iterator[dict[str, Any] | UnreadableValue]:
    """The alerts of a topic, from the oldest to the end as it is at the start.

    Args:
        settings: how to reach the cluster and the registry.
        topic: the topic.
        may_be_missing: take a topic that does not exist for an empty one.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no such topic.
        OperatorError: the registry cannot be reached or refuses.
    """
    with PublishedReader(settings) as reader:
        yield from reader.read(Source(topic, read_alert), reader.spans(topic, may_be_missing=may_be_missing))


def distinct_alerts(
    settings: Settings, topic: str, rule_ids: Collection[str], *, may_be_missing: bool = False
) -> Iterator[dict[str, Any]]:
    """The alerts of these rules on a topic, each id once; the other arguments are those of ``read_alerts``.

    Raises:
        SourceError: as ``read_alerts``, or a value on the topic is no alert.
        OperatorError: as ``read_alerts``.
    """
    seen: set[str] = set()
    for alert in read_alerts(settings, topic, may_be_missing=may_be_missing):
        if isinstance(alert, UnreadableValue):
            raise SourceError(f"{alert.topic}[{alert.partition}]:{alert.offset}: {alert.error}")
        if alert["rule"]["id"] in rule_ids and alert["alert_id"] not in seen:
            seen.add(alert["alert_id"])
            yield alert
