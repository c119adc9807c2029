"""``rootwatch alerts``: reads the alert topic."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from rich.console import Console

from streams import settings
from streams.commands.terminal.alert_table import cells, table
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.kafka.admin import AccessRefused, BrokerAccess, BrokerError, BrokerUnreachable
from streams.kafka.errors import is_retriable
from streams.kafka.refusals import error_text, explained, is_of_a_group, is_refusal
from streams.kafka.security import confluent_options
from streams.settings.values import parse_time
from streams.topics.catalogue import topic_names
from streams.wire.alert import read_alert, to_json_line
from streams.wire.registry import schema_lookup
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Message

    from streams.settings import Settings

_POLL_SECONDS = 1.0
# How long a broker may say nothing before it is given up; with --follow it may for ever.
_PATIENCE = 30.0


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
    as_table = sys.stdout.isatty() and not json
    heading = True
    for alert in _alerts(configured, _since(start), follow=follow):
        if isinstance(alert, str):
            sys.stderr.write(f"rootwatch: {alert}\n")
            unreadable += 1
        elif not as_table:
            sys.stdout.write((to_json_line(alert) if json else "\t".join(cells(alert))) + "\n")
            if follow:
                sys.stdout.flush()
        elif follow:
            Console().print(table([alert], heading=heading))
            heading = False
        else:
            shown.append(alert)
    if as_table and not follow:
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


def _messages(configured: Settings, topic: str, since: int | None, *, follow: bool) -> Iterator[Message]:
    """The topic's messages from a Kafka timestamp on, partition by partition up to its end, or without end."""
    unread = _partitions(configured, topic)
    refusals: list[KafkaError] = []
    quiet = logging.getLogger(f"{__name__}.librdkafka")
    quiet.disabled = True  # what it says of outages is of no use here: it reconnects
    options = confluent_options(configured) | {
        "group.id": f"{configured.group_id}-alerts",  # the client wants one; nothing is committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "error_cb": lambda error: refusals.append(error) if is_refusal(error) and not is_of_a_group(error) else None,
    }
    consumer = Consumer(options, logger=quiet)
    try:
        consumer.assign(_positions(consumer, topic, unread, since))
        heard = time.monotonic()
        while unread or follow:
            message = consumer.poll(_POLL_SECONDS)
            if refusals:
                raise AccessRefused(f"topic {topic}: Read: {explained(refusals[0], configured)}")
            if message is None:
                if not follow and time.monotonic() - heard > _PATIENCE:
                    raise BrokerUnreachable(f"topic {topic}: Read: no broker has answered for {_PATIENCE:.0f} s")
                continue
            heard = time.monotonic()
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes start so
                unread.discard(message.partition())
            elif not (is_retriable(error) or is_of_a_group(error)):
                raise BrokerError(f"topic {topic}: Read: {error_text(error)}")
    finally:
        consumer.close()


def _partitions(configured: Settings, topic: str) -> set[int]:
    with BrokerAccess(configured) as access:
        (future,) = access.client.describe_topics(TopicCollection([topic])).values()
        return {partition.id for partition in access.result(f"topic {topic}", "Describe", future).partitions}


def _positions(consumer: Consumer, topic: str, partitions: Iterable[int], since: int | None) -> list[TopicPartition]:
    """Where to begin in each partition."""
    if since is None:
        return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
    asked = [TopicPartition(topic, number, max(since, 0)) for number in partitions]
    try:
        found = consumer.offsets_for_times(asked, timeout=_PATIENCE)
    except KafkaException as error:
        raise BrokerError(f"topic {topic}: ListOffsets: {error_text(error.args[0])}") from error
    # A negative offset means: nothing so late; what is still to come is.
    return [
        TopicPartition(place.topic, place.partition, place.offset if place.offset >= 0 else OFFSET_END)
        for place in found
    ]
