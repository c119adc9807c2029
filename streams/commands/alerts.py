"""``rootwatch alerts``: reads the alert topic."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicCollection, TopicPartition
from rich.console import Console

from streams import settings
from streams.commands.alert_table import cells, table
from streams.commands.options import Config  # noqa: TC001  typer reads it
from streams.kafka_errors import is_retriable
from streams.kafka_security import confluent_options
from streams.operator_error import OperatorError
from streams.settings.values import parse_time
from streams.wire.alert import read_alert, to_json_line
from streams.wire.registry import RegistryRefused, RegistryUnavailable, schema_lookup
from streams.wire.single_object import WireError
from streams.worker.broker_access import AccessRefused, BrokerAccess, BrokerError, is_refusal
from streams.worker.topics import topic_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from streams.settings import Settings

_POLL_SECONDS = 1.0


def alerts(
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Then wait for more, until interrupted.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only alerts written to the topic since then.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: Config = None,
) -> None:
    """Show the alerts of the alert topic: a table at a terminal, else one line each."""
    configured = settings.load(config)
    unreadable = 0
    shown: list[dict[str, Any]] = []
    as_table = sys.stdout.isatty() and not json and not follow
    for alert in _alerts(configured, _since(start), follow=follow):
        if isinstance(alert, str):
            sys.stderr.write(f"rootwatch: {alert}\n")
            unreadable += 1
        elif as_table:
            shown.append(alert)
        else:
            sys.stdout.write((to_json_line(alert) if json else "\t".join(cells(alert))) + "\n")
            if follow:
                sys.stdout.flush()
    if as_table:
        Console().print(table(sorted(shown, key=lambda alert: (alert["event"]["time"], alert["alert_id"]))))
    if unreadable:
        raise typer.Exit(1)


def _since(start: str | None) -> int | None:
    try:
        return None if start is None else parse_time(start)
    except ValueError as error:
        raise settings.SettingsError(f"--from = {start!r}: {error}") from error


def _alerts(configured: Settings, since: int | None, *, follow: bool) -> Iterator[dict[str, Any] | str]:
    """The topic's alerts, and for each value that is none a sentence that says so."""
    lookup = schema_lookup(configured) if configured.schema_registry_url else None
    for message in _messages(configured, topic_names(configured).alerts, since, follow=follow):
        try:
            yield read_alert(message.value() or b"", lookup)
        except WireError as error:
            yield f"{message.topic()}, partition {message.partition()}, offset {message.offset()}: {error}"
        except (RegistryUnavailable, RegistryRefused) as error:
            raise OperatorError(str(error)) from error


def _messages(configured: Settings, topic: str, since: int | None, *, follow: bool) -> Iterator[Message]:
    """The topic's messages from a Kafka timestamp on, partition by partition up to its end, or without end."""
    with BrokerAccess(configured) as access:
        (future,) = access.client.describe_topics(TopicCollection([topic])).values()
        description = access.result(f"topic {topic}", "Describe", future)
    partitions = [TopicPartition(topic, partition.id) for partition in description.partitions]
    refusals: list[KafkaError] = []
    quiet = logging.getLogger(f"{__name__}.librdkafka")
    quiet.disabled = True  # what it says of outages is of no use here: it reconnects
    options = confluent_options(configured) | {
        "group.id": f"{configured.group_id}-alerts",  # the client wants one; nothing is committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "error_cb": lambda error: refusals.append(error) if is_refusal(error) else None,
    }
    consumer = Consumer(options, logger=quiet)
    try:
        consumer.assign(_places(consumer, partitions, since))
        unread = {partition.partition for partition in partitions}
        while unread or follow:
            message = consumer.poll(_POLL_SECONDS)
            if refusals:
                raise AccessRefused(f"topic {topic}: Read: {refusals[0].str()}")
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes start so
                unread.discard(message.partition())
            elif not is_retriable(error):
                raise BrokerError(f"topic {topic}: Read: {error.str()}")
    finally:
        consumer.close()


def _places(consumer: Consumer, partitions: list[TopicPartition], since: int | None) -> list[TopicPartition]:
    if since is None:
        return [TopicPartition(place.topic, place.partition, OFFSET_BEGINNING) for place in partitions]
    asked = [TopicPartition(place.topic, place.partition, max(since, 0)) for place in partitions]
    found = consumer.offsets_for_times(asked, timeout=30)
    # A negative offset means: nothing so late; what is still to come is.
    return [
        TopicPartition(place.topic, place.partition, place.offset if place.offset >= 0 else OFFSET_END)
        for place in found
    ]
