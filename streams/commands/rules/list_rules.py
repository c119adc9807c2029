"""``rootwatch rules list``: the rules that run."""

from __future__ import annotations

import json as to_json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import Rules  # noqa: TC001  typer reads it
from streams.rules.duration import format_duration

if TYPE_CHECKING:
    from streams.rules.rule import Rule


def list_rules(
    *,
    rule: Rules = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    config: Config = None,
) -> None:
    """List the rules that run, by id."""
    configured = settings.load(config, rules=rule or None)
    for compiled in configured.load_rules().rules:
        document = _document(compiled.rule)
        line = to_json.dumps(document) if json else "\t".join(str(value) for value in document.values())
        sys.stdout.write(f"{line}\n")


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": rule.id,
        "version": rule.version,
        "severity": rule.severity,
        "window": format_duration(rule.window),
        "name": rule.name,
    }
