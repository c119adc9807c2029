"""Alerts for people: a table, or a line each.

What an alert quotes was written by whoever made the call; nothing of it may steer the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from streams.wire.alert import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = ("event time", "severity", "principal", "member account", "why")
_STYLES = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold red"}


def cells(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """What the columns show of an alert as it was decoded."""
    document = to_json(alert)
    shown = (
        document["event"]["time"],
        document["rule"]["severity"],
        document["principal"]["arn"],
        document["member_account"]["id"],
        document["reason"],
    )
    return tuple(printable(text) for text in shown)


def table(alerts: Iterable[Mapping[str, Any]]) -> Table:
    """A table of the alerts, one row each."""
    made = Table(*COLUMNS, expand=True)
    for alert in alerts:
        row = cells(alert)
        made.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in row))
    return made


def printable(text: str) -> str:
    """The text with control characters, escape sequences and line ends among them, spelt out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
