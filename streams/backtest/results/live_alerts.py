"""Reads the alerts of a live run from their topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.errors import OperatorError, SourceError
from streams.kafka.reader import Connection
from streams.wire.alert import read_alert
from streams.wire.registry import RegistryRefused, RegistryUnavailable, schema_lookup
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.settings import Settings


def live_alerts(settings: Settings, topic: str, rule_id: str) -> list[dict[str, Any]]:
    """The rule's alerts on a topic, all at once; errors are those of ``each_live_alert``."""
    return list(each_live_alert(settings, topic, rule_id))


def each_live_alert(
    settings: Settings, topic: str, rule_id: str, *, may_be_missing: bool = False
) -> Iterator[dict[str, Any]]:
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
    seen: set[str] = set()
    with Connection(settings) as connection:
        partitions = connection.partitions(topic)
        if not partitions and not may_be_missing:
            raise SourceError(f"topic {topic}: there is no such topic")
        for message in connection.read_to_end(topic, partitions):
            try:
                alert = read_alert(message.value() or b"", lookup)
            except WireError as error:
                raise SourceError(f"{topic}[{message.partition()}]:{message.offset()}: {error}") from error
            except (RegistryUnavailable, RegistryRefused) as error:
                raise OperatorError(str(error)) from error
            if alert["rule"]["id"] == rule_id and alert["alert_id"] not in seen:
                seen.add(alert["alert_id"])
                yield alert
