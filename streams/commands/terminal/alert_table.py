"""Alerts for people, each with its root session: a table, or one line per alert and per session.

Callers, and so attackers, wrote the values that an alert quotes. None of them may control the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import HORIZONTALS, Box
from rich.table import Table
from rich.text import Text

from streams.backtest.results.term_words import values_in_words
from streams.content.printable import printable
from streams.wire.alert import to_json
from streams.wire.sessions.published import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOBODY = "a caller without an ARN"
"""Is shown in place of a principal that the record does not have; the reason starts with the same words."""

COLUMNS = ("event time", "severity", "principal", "member account", "why")
# Like HORIZONTALS, without the upper edge: the lower edge of the table above is already there.
_CONTINUED = Box("    \n    \n    \n    \n ── \n    \n    \n ── \n")
_LINES = Text("\n", overflow="fold")
_STYLES = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold red"}


def cells(alert: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of the columns for a decoded alert."""
    document = to_json(alert)
    shown = (
        document["event"]["time"],
        document["rule"]["severity"],
        document["principal"]["arn"] or NOBODY,
        _account(document) or _terms(document),
        document["reason"],
    )
    return tuple(printable(text) for text in shown)


def _account(document: Mapping[str, Any]) -> str | None:
    account = document["member_account"]
    return None if account is None else account["id"]


def _terms(document: Mapping[str, Any]) -> str:
    """Names and values of what is new together: all that there is to say of a rule without member accounts."""
    return values_in_words([(term["field"], term["value"]) for term in document["terms"]])


def session_cells(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of the same columns for the summary of a session: those of its alert but for severity and why."""
    document = SUMMARY.to_json(summary)
    grant = document["grant"]
    shown = (
        grant["time"],
        document["severity"],
        grant["principal"],
        grant["member_account"],
        f"session: {document['reason']}",
    )
    return tuple(printable(text) for text in shown)


def table(
    alerts: Iterable[Mapping[str, Any]],
    sessions: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    heading: bool = True,
) -> Table:
    """A table of the alerts, one row each. Nothing is cut off, also in 80 columns.

    The widths of the columns are fixed, so that several tables, all but the first without a heading, look like one.

    Args:
        alerts: the alerts.
        sessions: the summaries of their sessions, by alert id; each is shown under its alert.
        heading: whether the columns are named.
    """
    grid = _grid(heading=heading)
    for alert in alerts:
        row = cells(alert)
        why = _why(row)
        if _account(alert) is None:
            why = _LINES.join((why, Text(row[3], overflow="fold")))
            row = (*row[:3], "", row[4])
        if summary := (sessions or {}).get(alert["alert_id"]):
            why = _LINES.join((why, _session(session_cells(summary))))
        _add_row(grid, row, why)
    return grid


def session_table(summary: Mapping[str, Any], *, heading: bool = True) -> Table:
    """A table of one row for a session whose alert was shown before."""
    grid = _grid(heading=heading)
    row = session_cells(summary)
    _add_row(grid, row, _LINES.join((Text(row[2], "bold"), _session(row))))
    return grid


def severity_text(severity: str) -> Text:
    """A severity in its colour."""
    return Text(severity, _STYLES.get(severity, ""))


def _grid(*, heading: bool) -> Table:
    box = HORIZONTALS if heading else _CONTINUED
    grid = Table(box=box, show_lines=True, pad_edge=False, show_header=heading, expand=True)
    for name, width in (("event time\n(UTC)", 10), ("severity", 8), ("member\naccount", 12)):
        grid.add_column(name, width=width)
    grid.add_column("principal, and why", ratio=1)
    return grid


def _add_row(grid: Table, row: tuple[str, ...], why: Text) -> None:
    time, severity, _, account, _ = row
    date, _, clock = time.partition("T")
    grid.add_row(f"{date}\n{clock[:8]}", severity_text(severity), Text(account), why)


def _why(row: tuple[str, ...]) -> Text:
    principal, reason = row[2], row[4]
    # The reason starts with the principal, which is already shown above it.
    return Text.assemble((principal, "bold"), "\n", reason.removeprefix(principal).lstrip(), overflow="fold")


def _session(row: tuple[str, ...]) -> Text:
    what, _, reason = row[4].partition(": ")
    return Text.assemble(f"{what}, ", severity_text(row[1]), f": {reason}", overflow="fold")
