"""``rootwatch state``: what the workers remember of a principal, or of another first term, from the changelog topic.

The changelog holds what the workers remember, up to the last acknowledged sighting (A2). No worker need run. Of each
rule only the group's partition is read, found by murmur2 as for sightings.
"""

from __future__ import annotations

import json as to_json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import say
from streams.content.printable import printable
from streams.errors import OperatorError
from streams.kafka.partitioner import partition_of
from streams.kafka.readers.connection import Connection
from streams.settings import SettingsError
from streams.topics.catalogue import topic_names
from streams.wire.sighting import key_of_group
from streams.wire.single_object import WireError
from streams.wire.stored import memory as codec
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from streams.detection.memory import TupleMemory
    from streams.rules.rule_set import CompiledRule
    from streams.settings import Settings

COLUMNS = ("first seen", "last seen", "times seen", "known until")

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(slots=True)
class GroupState:
    """What is remembered of one rule's group: its tuples by their values, and the alerts and periods of the cap."""

    tuples: dict[tuple[str, ...], TupleMemory] = field(default_factory=dict)
    counted: int = 0
    periods: int = 0


def state(
    first: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="The first term, as in an alert: principal.arn.")],
    others: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ACCOUNT]", help="Only tuples with these further terms: for the shipped rule the account."
        ),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    config: Config = None,
) -> None:
    """Show what each rule remembers of a principal: a table at a terminal, else a line per tuple. Exit 1 if nothing is.

    A rule with other terms is asked for the value of its first one. A sighting of the tuple after `known until` alerts
    again.

    Examples:
        rootwatch state arn:aws:iam::111122223333:user/ci-bot
        rootwatch state arn:aws:iam::111122223333:user/ci-bot 999900001111
    """
    configured = settings.load(config)
    loaded = configured.load_rules().rules
    wanted = (first, *(others or ()))
    _refuse_no_account(loaded, wanted)
    found = _read(configured, loaded, first)
    shown = [
        (rule, values, remembered)
        for rule in loaded
        for values, remembered in sorted(found[rule.rule.id].tuples.items())
        if values[: len(wanted)] == wanted
    ]
    documents = [_document(*each) for each in shown]
    if json:
        for document in documents:
            sys.stdout.write(to_json.dumps(document) + "\n")
    elif sys.stdout.isatty():
        _tables(shown)
    else:
        for rule, values, remembered in shown:
            cells = (*([rule.rule.id] if len(loaded) > 1 else []), *values[1:], *_times(rule, remembered).values())
            sys.stdout.write("\t".join(map(str, cells)) + "\n")
    for rule in loaded:
        group = found[rule.rule.id]
        if group.counted:
            periods = f"{group.periods} period{'s' if group.periods > 1 else ''}"
            of_rule = f" of {rule.rule.id}" if len(loaded) > 1 else ""
            say(f"the cap{of_rule} remembers {group.counted} of its alerts, in {periods}")
    if not shown:
        say("nothing is remembered of " + " on ".join(map(printable, wanted)))
        raise typer.Exit(1)


def _refuse_no_account(rules: tuple[CompiledRule, ...], wanted: tuple[str, ...]) -> None:
    """Refuse what is no account id if an account is all that it can be.

    Raises:
        SettingsError: it is none.
    """
    is_account = all(rule.rule.terms[1:2] == ("rootwatch.member_account",) for rule in rules)
    if is_account and len(wanted) > 1 and not _ACCOUNT.fullmatch(wanted[1]):
        raise SettingsError(f"ACCOUNT = {wanted[1]!r}: an account id is twelve digits")


def _read(configured: Settings, rules: tuple[CompiledRule, ...], first: str) -> dict[str, GroupState]:
    """Read the group of each rule, by rule id: the latest value of each key, without deleted keys."""
    topic = topic_names(configured).changelog
    prefixes = tuple(
        prefix
        for rule in rules
        for prefix in (
            codec.tuple_prefix(rule.rule.id, rule.terms_fingerprint, first),
            codec.bucket_prefix(rule.rule.id, first),
        )
    )
    latest: dict[bytes, bytes] = {}
    with Connection(configured) as connection:
        count = len(connection.require_partitions(topic, "; `rootwatch topics apply` makes it"))
        partitions = {partition_of(key_of_group(rule.rule.id, first), count) for rule in rules}
        for message in connection.read_to_end(topic, sorted(partitions)):
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


def _decode(latest: dict[bytes, bytes]) -> dict[str, GroupState]:
    groups: dict[str, GroupState] = defaultdict(GroupState)
    for key, value in latest.items():
        match codec.parse_key(key):
            case codec.TupleKey(rule_id, _, values):
                groups[rule_id].tuples[values] = codec.decode_tuple(value)
            case codec.BucketKey(rule_id):
                groups[rule_id].counted += len(codec.decode_bucket(value).alert_ids)
                groups[rule_id].periods += 1
    return groups


def _document(rule: CompiledRule, values: tuple[str, ...], remembered: TupleMemory) -> dict[str, Any]:
    pairs = dict(zip(rule.rule.terms, values, strict=True))
    return {
        "rule_id": rule.rule.id,
        "principal": pairs.get("rootwatch.principal"),
        "member_account": pairs.get("rootwatch.member_account"),
        "terms": [{"field": name, "value": value} for name, value in pairs.items()],
        **_times(rule, remembered),
    }


def _times(rule: CompiledRule, remembered: TupleMemory) -> dict[str, str | int]:
    return {
        "first_seen": to_iso8601(remembered.first_seen),
        "last_seen": to_iso8601(remembered.last_seen),
        "times_seen": remembered.times_seen,
        "known_until": to_iso8601(remembered.last_seen + rule.rule.window),
    }


def _tables(shown: list[tuple[CompiledRule, tuple[str, ...], TupleMemory]]) -> None:
    """Show a table per rule, for people: nothing is cut off in 80 columns, and times are shown to the second."""
    by_rule: dict[str, Table] = {}
    for rule, values, remembered in shown:
        if rule.rule.id not in by_rule:
            table = by_rule[rule.rule.id] = Table(title=rule.rule.id, title_justify="left")
            names = "\n".join(rule.rule.terms[1:]) or rule.rule.terms[0]
            for name, width in zip((names, *COLUMNS), (24, 10, 10, 5, 10), strict=True):
                table.add_column(name, width=width, overflow="fold")
        by_rule[rule.rule.id].add_row(*_row(rule, values, remembered))
    for table in by_rule.values():
        Console().print(table)


def _row(rule: CompiledRule, values: tuple[str, ...], remembered: TupleMemory) -> tuple[str, ...]:
    """The cells of a tuple: its further terms, a line each, as they are; then times and count."""
    terms = "\n".join(printable(value) for value in values[1:] or values)
    return (terms, *(_on_two_lines(str(value)) for value in _times(rule, remembered).values()))


def _on_two_lines(value: str) -> str:
    """A time on two lines, day and second; a number as it is."""
    date, is_time, clock = value.partition("T")
    return f"{date}\n{clock[:8]}" if is_time else value
