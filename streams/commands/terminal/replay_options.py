"""The options that ``backtest`` and ``warm-up`` share: what to read, and how."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from streams.content.printable import printable
from streams.rules.rule_set import NEEDS_NETWORKS
from streams.settings.networks import without_networks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.rules.rule_set import RuleSet

_NARROWEST = 40
"""A narrower terminal breaks lines by itself."""

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders (with all below) and s3://bucket/prefix. A file is one message; .jsonl has one per line."
    ),
]
Topic = Annotated[
    str | None, typer.Option("--topic", help="Read this topic, CloudTrail or sightings, instead of files.")
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="From this time on, such as 2026-01-31 (UTC) or 2026-01-31T09:00:00+01:00: event time for files, Kafka "
        "timestamp for a topic.",
        metavar="TIME",
    ),
]
End = Annotated[str | None, typer.Option("--to", help="Up to this time, exclusive.", metavar="TIME")]
FromOffset = Annotated[
    str | None,
    typer.Option(
        "--from-offset",
        help="Begin at these offsets, such as 0:1500,3:0; other partitions begin at their start.",
        metavar="P:O,…",
    ),
]
ToOffset = Annotated[
    str | None,
    typer.Option("--to-offset", help="End before these offsets; other partitions end at their end.", metavar="P:O,…"),
]
AllowTruncated = Annotated[
    bool,
    typer.Option(
        "--allow-truncated", help="Exit 0 even if requested records are already deleted, or not yet committed."
    ),
]
Processes = Annotated[
    int | None, typer.Option("--processes", min=1, help="How many processes read; default: one per core.")
]
Thorough = Annotated[
    bool,
    typer.Option(
        "--thorough",
        help="Parse every message, also those without any mark of the rule, and so name every malformed one; takes "
        "several times as long. A small input is always parsed so.",
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        help="A rule file, a folder of them, shipped (all that ship) or shipped:ID; in place of the settings' rules. "
        "May be repeated.",
        metavar="ENTRY",
    ),
]
Principal = Annotated[str | None, typer.Option("--principal", help="What a principal is: arn or issuer.")]
MemberAccount = Annotated[
    str | None, typer.Option("--member-account", help="Where the member account is read from: target or resources.")
]
Clock = Annotated[str | None, typer.Option("--clock", help="Which time counts: event, or record (needs a topic).")]


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say_what_rules_need(rules: RuleSet, geoip_database: Sequence[Path]) -> None:
    """Say which rules need a database of networks that is not there (U2)."""
    for rule_id in without_networks(rules, geoip_database):
        say(f"rootwatch: rule {rule_id} {NEEDS_NETWORKS}")


def say(line: str) -> None:
    """Write a line to stderr; at a terminal it is broken between words.

    Control characters, which an attacker may have put into a name, are escaped.
    """
    encoding = sys.stderr.encoding or "utf-8"
    shown = printable(line).encode(encoding, "backslashreplace").decode(encoding)
    sys.stderr.write(_fitted(shown, os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0))


def _fitted(line: str, width: int) -> str:
    """The line with its end; broken if it is wider than ``width``, which is 0 where no terminal is."""
    if not 0 < width < len(line):
        return f"{line}\n"
    lines = textwrap.wrap(
        line, max(width, _NARROWEST), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) + "\n"
