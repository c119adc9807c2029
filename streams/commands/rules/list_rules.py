"""``rootwatch rules list``: the rules that run, and how each is doing, from the changelog and the alert topic (U12)."""

from __future__ import annotations

import json as to_json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from streams import settings
from streams.commands.rules.entries import Json  # noqa: TC001  typer reads it
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import Rules, say
from streams.detection.learning import learning_ends_at
from streams.errors import OperatorError
from streams.rules.duration import format_duration
from streams.settings.rule_entries import SHIPPED, read_rules
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.detection.memory import RuleState
    from streams.pipeline import DecisionSettings
    from streams.rules.rule_set import CompiledRule
    from streams.settings import Settings

_ANSWER_SECONDS = 5.0
_UNKNOWN = "unknown"


@dataclass(slots=True)
class Live:
    """How a rule is doing.

    Attributes:
        partitions: what each partition knows of it, as far as it has met the rule.
        alerts: how many alerts the alert topic holds.
    """

    partitions: list[RuleState] = field(default_factory=list)
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule with how it is doing; ``live`` is ``None`` if nobody could be asked."""

    compiled: CompiledRule
    decision_settings: DecisionSettings
    live: Live | None

    def _current(self) -> list[RuleState]:
        states = self.live.partitions if self.live else []
        return [state for state in states if state.fingerprint == self.compiled.query_fingerprint]

    @property
    def learning_until(self) -> int | None:
        """When the last partition stops to learn the rule, in milliseconds since the epoch; ``None`` if none learns."""
        ends = (learning_ends_at(state, self.decision_settings) for state in self._current())
        return max((end for end in ends if end is not None), default=None)

    def state(self, now: int) -> str:
        """Return the state in a word; ``now`` is in milliseconds since the epoch."""
        current = self._current()
        if self.live is None:
            return _UNKNOWN
        if not current:
            return "changed" if self.live.partitions else "unmet"
        if any(state.entries >= self.decision_settings.max_entries for state in current):
            return "saturated"
        until = self.learning_until
        return "learning" if until is not None and until >= now else "on"

    @property
    def entries(self) -> int | None:
        """How many tuples are remembered under the rule's terms."""
        if self.live is None:
            return None
        terms = self.compiled.terms_fingerprint
        return sum(state.entries for state in self.live.partitions if state.terms_fingerprint == terms)

    def document(self, now: int) -> dict[str, Any]:
        """Return the rule as an object for programs."""
        rule, until = self.compiled.rule, self.learning_until
        return {
            "rule_id": rule.id,
            "version": rule.version,
            "severity": rule.severity,
            "risk_score": rule.risk_score,
            "window": format_duration(rule.window),
            "state": self.state(now),
            "learning_until": None if until is None else to_iso8601(until),
            "entries": self.entries,
            "alerts": None if self.live is None else self.live.alerts,
            "name": rule.name,
        }


def list_rules(
    *,
    rule: Rules = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no broker how the rules are doing.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """List the rules that run, with state, tuples remembered, and alerts on the alert topic.

    States: on; learning; unmet, no record has come; changed, none has come since; saturated; unknown, nobody asked.

    Exit codes: 0 listed; 1 the broker cannot be asked; 2 wrong usage.

    Examples:
        rootwatch rules list
        rootwatch rules list --offline --rule shipped
    """
    configured = settings.load(config, rules=rule or None)
    rules = configured.load_rules()
    decided = configured.decision_settings(rules)
    live, refusal = (None, None) if offline else _ask(configured, rules.rules)
    listed = [Listed(each, decided[each.rule.id], None if live is None else live[each.rule.id]) for each in rules.rules]
    now = time.time_ns() // 1_000_000
    if json:
        for one in listed:
            sys.stdout.write(f"{to_json.dumps(one.document(now))}\n")
    elif sys.stdout.isatty():
        _table(listed, now)
    else:
        for one in listed:
            values = ("" if value is None else str(value) for value in one.document(now).values())
            sys.stdout.write("\t".join(values) + "\n")
    if not json and rule is None:
        _say_what_else_ships(set(rules.by_id))
    if refusal is not None:
        for line in refusal.splitlines():
            say(f"rootwatch: {line}; --offline lists the rules alone")
        raise typer.Exit(1)


def _say_what_else_ships(running: set[str]) -> None:
    off = len({named.rule.id for named in read_rules([SHIPPED])} - running)
    if off:
        say(f"{off} more ship and do not run: rootwatch rules list --offline --rule {SHIPPED}")


def _ask(configured: Settings, rules: Sequence[CompiledRule]) -> tuple[Mapping[str, Live] | None, str | None]:
    """Read how the rules are doing. Returns it by rule id, or why nobody can tell."""
    try:
        return _read(configured, {compiled.rule.id for compiled in rules}), None
    except OperatorError as error:
        return None, str(error)


def _read(configured: Settings, rule_ids: set[str]) -> Mapping[str, Live]:
    """Read the changelog and the alert topic to their ends.

    Raises:
        OperatorError: the cluster cannot be reached or refuses, or a newer version wrote the memory.
    """
    from streams.kafka.admin import BrokerAccess  # noqa: PLC0415  --offline needs no Kafka client
    from streams.kafka.readers.alerts import distinct_alerts  # noqa: PLC0415  as above
    from streams.kafka.readers.connection import Connection  # noqa: PLC0415  as above
    from streams.topics.catalogue import topic_names  # noqa: PLC0415  as above
    from streams.wire.single_object import WireError  # noqa: PLC0415  as above
    from streams.wire.stored import memory as codec  # noqa: PLC0415  as above

    with BrokerAccess(configured, _ANSWER_SECONDS) as access:  # a reader would wait much longer for no broker
        access.result("cluster", "Describe", access.client.describe_cluster())
    names = topic_names(configured)
    keys = {codec.rule_key(rule_id): rule_id for rule_id in rule_ids}
    latest: dict[tuple[str, int], bytes] = {}
    with Connection(configured) as connection:
        partitions = connection.require_partitions(names.changelog, "; `rootwatch topics apply` makes it")
        for message in connection.read_to_end(names.changelog, partitions):
            rule_id = keys.get(message.key() or b"")
            if rule_id is not None:
                latest[rule_id, message.partition() or 0] = message.value() or b""
    found: dict[str, Live] = defaultdict(Live)
    for (rule_id, _), value in latest.items():
        if value:  # it was not deleted
            try:
                found[rule_id].partitions.append(codec.decode_rule(value))
            except WireError as newer:
                raise OperatorError(f"topic {names.changelog}: {newer}") from newer
    alerts = distinct_alerts(configured, names.alerts, rule_ids, may_be_missing=True)
    for rule_id, count in Counter(alert["rule"]["id"] for alert in alerts).items():
        found[rule_id].alerts = count
    return found


def _table(listed: Sequence[Listed], now: int) -> None:
    """Show a table for people: nothing is cut off in 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("rule", overflow="fold")
    for name in ("severity", "window", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("tuples", "alerts"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in listed:
        shown = one.document(now)
        counts = ("" if shown[name] is None else f"{shown[name]:,}" for name in ("entries", "alerts"))
        table.add_row(shown["rule_id"], shown["severity"], shown["window"], shown["state"], *counts)
    Console().print(table)
    for one in listed:
        until = one.learning_until
        if until is not None and one.state(now) == "learning":
            say(f"{one.compiled.rule.id} learns until {to_iso8601(until)}")
