"""``rootwatch alerts``: reads the alert topic."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from confluent_kafka import TopicCollection
from rich.console import Console

from streams import settings
from streams.commands.terminal.alert_table import cells, table
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.kafka.admin import BrokerAccess
from streams.kafka.alert_reader import UnreadableAlert, read_alerts
from streams.settings.values import parse_time
from streams.topics.catalogue import topic_names
from streams.wire.alert import to_json_line

if TYPE_CHECKING:
    from streams.settings import Settings


def alerts(
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Then wait for more, until interrupted.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only alerts written to the topic since then.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    config: Config = None,
) -> None:
    """Show the alerts of the alert topic: a table at a terminal, else one line each."""
    configured = settings.load(config)
    since = _since(start)
    topic = topic_names(configured).alerts
    _check_topic(configured, topic)
    unreadable = 0
    shown: list[dict[str, Any]] = []
    as_table = sys.stdout.isatty() and not json
    heading = True
    for alert in read_alerts(configured, topic, since=since, follow=follow):
        if isinstance(alert, UnreadableAlert):
            position = f"{alert.topic}, partition {alert.partition}, offset {alert.offset}"
            sys.stderr.write(f"rootwatch: {position}: {alert.error}\n")
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


def _check_topic(configured: Settings, topic: str) -> None:
    """Raise BrokerError if the topic cannot be described. The admin client knows of an outage within seconds."""
    with BrokerAccess(configured) as access:
        (future,) = access.client.describe_topics(TopicCollection([topic])).values()
        access.result(f"topic {topic}", "Describe", future)
