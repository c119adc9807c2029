"""Alerts for people: a table, or a line each.

What an alert quotes was written by whoever made the call; nothing of it may steer the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import HORIZONTALS, Box
from rich.table import Table
from rich.text import Text

from streams.content.printable import printable
from streams.wire.alert import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = ("event time", "severity", "principal", "member account", "why")
# As HORIZONTALS, for what goes on below such a table: its lower edge is there already.
_CONTINUED = Box("    \n    \n    \n    \n ── \n    \n    \n ── \n")
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


def table(alerts: Iterable[Mapping[str, Any]], *, heading: bool = True) -> Table:
    """A table of the alerts, one row each; nothing is cut off, so that it can be read in 80 columns.

    Its columns are as wide whatever it holds: tables below each other, those after the first without heading, are one.
    """
    box = HORIZONTALS if heading else _CONTINUED
    made = Table(box=box, show_lines=True, pad_edge=False, show_header=heading, expand=True)
    for name, width in (("event time\n(UTC)", 10), ("severity", 8), ("member\naccount", 12)):
        made.add_column(name, width=width)
    made.add_column("principal, and why", ratio=1)
    for alert in alerts:
        time, severity, principal, account, reason = cells(alert)
        date, _, clock = time.partition("T")
        # The sentence starts with the principal, which stands above it here.
        why = Text.assemble((principal, "bold"), "\n", reason.removeprefix(principal).lstrip(), overflow="fold")
        made.add_row(f"{date}\n{clock[:8]}", Text(severity, _STYLES.get(severity, "")), Text(account), why)
    return made
