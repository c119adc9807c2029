"""Alerts for people: a table, or one line per alert.

Callers, and so attackers, wrote the values that an alert quotes. None of them may control the terminal.
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
# Like HORIZONTALS, without the upper edge: the lower edge of the table above is already there.
_CONTINUED = Box("    \n    \n    \n    \n ── \n    \n    \n ── \n")
_STYLES = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold red"}


def cells(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of the columns for a decoded alert."""
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
    """A table of the alerts, one row each. Nothing is cut off, also in 80 columns.

    The widths of the columns are fixed, so that several tables, all but the first without a heading, look like one.
    """
    box = HORIZONTALS if heading else _CONTINUED
    grid = Table(box=box, show_lines=True, pad_edge=False, show_header=heading, expand=True)
    for name, width in (("event time\n(UTC)", 10), ("severity", 8), ("member\naccount", 12)):
        grid.add_column(name, width=width)
    grid.add_column("principal, and why", ratio=1)
    for alert in alerts:
        time, severity, principal, account, reason = cells(alert)
        date, _, clock = time.partition("T")
        # The reason starts with the principal, which is already shown above it.
        why = Text.assemble((principal, "bold"), "\n", reason.removeprefix(principal).lstrip(), overflow="fold")
        grid.add_row(f"{date}\n{clock[:8]}", Text(severity, _STYLES.get(severity, "")), Text(account), why)
    return grid
