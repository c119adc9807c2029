"""``rootwatch state``: what the workers remember of a principal, read from the table's changelog topic.

The changelog holds what the workers remember, up to the last acknowledged sighting (A2). No worker need run. Only the
principal's partition is read, found by murmur2 as for sightings.
"""

from __future__ import annotations

import json as to_json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.content.printable import printable
from streams.errors import OperatorError
from streams.kafka.partitioner import partition_of
from streams.kafka.reader import Connection
from streams.settings import SettingsError
from streams.topics.catalogue import topic_names
from streams.wire import memory as codec
from streams.wire.single_object import WireError
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from streams.detection.memory import PairMemory
    from streams.settings import Settings

COLUMNS = ("member account", "first seen", "last seen", "times seen", "known until")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StateView:
    """What is remembered of a principal: its pairs by member account, and the alerts and periods of the cap."""

    pairs: dict[str, PairMemory]
    counted: int
    periods: int


def state(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="As in an alert: principal.arn.")],
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this member account, twelve digits.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    config: Config = None,
) -> None:
    """Show what is remembered of a principal: a table at a terminal, else one line per pair. Exit 1 if nothing is.

    A sighting of the pair after `known until` alerts again.
    """
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise SettingsError(f"ACCOUNT = {account!r}: an account id is twelve digits")
    configured = settings.load(config)
    window = configured.load_rule().window
    remembered = _read(configured, principal)
    pairs = {name: pair for name, pair in sorted(remembered.pairs.items()) if account in {None, name}}
    if json:
        for name, pair in pairs.items():
            sys.stdout.write(to_json.dumps({"principal": principal, **_document(name, pair, window)}) + "\n")
    elif sys.stdout.isatty():
        _table(pairs, window)
    else:
        for name, pair in pairs.items():
            sys.stdout.write("\t".join(map(str, _document(name, pair, window).values())) + "\n")
    if remembered.counted:
        periods = f"{remembered.periods} period{'s' if remembered.periods > 1 else ''} of five minutes"
        _say(f"the cap remembers {remembered.counted} of its alerts, in {periods}")
    if not pairs:
        _say(f"nothing is remembered of {printable(principal)}" + (f" on {account}" if account else ""))
        raise typer.Exit(1)


def _read(configured: Settings, principal: str) -> StateView:
    """The principal's entries: the latest value of each key, without deleted keys."""
    topic = topic_names(configured).changelog
    prefixes = (codec.pair_prefix(principal), codec.bucket_prefix(principal))
    latest: dict[bytes, bytes] = {}
    with Connection(configured) as connection:
        partitions = connection.require_partitions(topic, "; `rootwatch topics apply` makes it")
        partition = partition_of(principal.encode(), len(partitions))
        for message in connection.read_to_end(topic, [partition]):
            key, value = message.key() or b"", message.value()
            if not key.startswith(prefixes):
                continue
            if value is None:
                latest.pop(key, None)
            else:
                latest[key] = value
    try:
        return _decode(latest)
    except WireError as newer:
        raise OperatorError(f"topic {topic}: {newer}") from newer


def _decode(latest: dict[bytes, bytes]) -> StateView:
    pairs, buckets = {}, []
    for key, value in latest.items():
        parsed = codec.parse_key(key)
        if isinstance(parsed, codec.PairKey):
            pairs[parsed.member_account] = codec.decode_pair(value)
        else:
            buckets.append(codec.decode_bucket(value))
    return StateView(pairs, sum(len(bucket.alert_ids) for bucket in buckets), len(buckets))


def _document(account: str, pair: PairMemory, window: int) -> dict[str, str | int]:
    return {
        "member_account": account,
        "first_seen": to_iso8601(pair.first_seen),
        "last_seen": to_iso8601(pair.last_seen),
        "times_seen": pair.times_seen,
        "known_until": to_iso8601(pair.last_seen + window),
    }


def _table(pairs: dict[str, PairMemory], window: int) -> None:
    """A table for people: nothing is cut off in 80 columns, and times are shown to the second."""
    table = Table()
    for name, width in zip(COLUMNS, (12, 10, 10, 5, 10), strict=True):
        table.add_column(name, width=width)
    for name, pair in pairs.items():
        table.add_row(*(_on_two_lines(str(value)) for value in _document(name, pair, window).values()))
    if pairs:
        Console().print(table)


def _on_two_lines(value: str) -> str:
    """A time on two lines, day and second; any other value as it is."""
    date, is_time, clock = value.partition("T")
    return f"{date}\n{clock[:8]}" if is_time else value


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
