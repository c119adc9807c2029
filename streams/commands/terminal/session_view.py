"""One root session for people and programs: as tables, as one line per part, or as JSON lines.

Callers, and so attackers, wrote the values that a session quotes. None of them may control the terminal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.box import HORIZONTALS
from rich.table import Table
from rich.text import Text

from streams.commands.terminal.alert_table import cells, severity_text, table
from streams.content.printable import printable
from streams.wire.alert import to_json
from streams.wire.sessions.published import ACTIVITY, SUMMARY
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from streams.wire.sessions.told import ToldSession

_RESOURCES_SHOWN = 10
_NOTHING = "nothing was recorded, which does not mean that nothing was done"


def json_line(kind: str, document: Mapping[str, Any]) -> str:
    """One line without its end, such as ``{"summary": …}``."""
    return json.dumps({kind: document}, separators=(",", ":"))


def json_lines(told: ToldSession) -> Iterator[str]:
    """The parts of a session: ``{"alert": …}``, ``{"grant": …}``, ``{"activity": …}`` each, ``{"summary": …}``."""
    if told.alert is not None:
        document = to_json(told.alert)
        if told.is_overflow:
            document["overflow"] = True
        yield json_line("alert", document)
    if told.grant is not None:
        times = {name: to_iso8601(told.grant[name]) for name in ("time", "expires_at")}
        yield json_line("grant", {**told.grant, **times})
    for activity in told.ordered():
        yield json_line("activity", ACTIVITY.to_json(activity))
    if told.summary is not None:
        yield json_line("summary", SUMMARY.to_json(told.summary))


def lines(told: ToldSession) -> Iterator[tuple[str, str, str, str]]:
    """The parts of a session, each with its kind, time, severity and what it says."""
    if told.alert is not None:
        time, severity, _, _, reason = cells(told.alert)
        yield "alert", time, severity, reason
    if told.grant is not None:
        yield (
            "grant",
            to_iso8601(told.grant["time"]),
            "",
            "; ".join(f"{name}: {text}" for name, text in _grant(told.grant)),
        )
    for activity in told.ordered():
        yield "activity", to_iso8601(activity["event"]["time"]), printable(activity["severity"]), _deed(activity)
    if told.summary is not None:
        closed = told.summary["closed_at"]
        time = "" if closed is None else to_iso8601(closed)
        yield "summary", time, printable(told.summary["severity"]), _said(told.summary)


def notes(told: ToldSession) -> Iterator[str]:
    """What a reader of the session has to know besides."""
    if told.session_id is None:
        yield "The call issued no key of temporary credentials that is recorded, so no action can be joined to it."
    elif told.summary is None:
        yield (
            "There is no summary yet. It comes once session_grace (20m if not set) has passed since the session's end "
            "and since its last action arrived."
        )
    if told.summary is not None and not told.summary["actions"]:
        yield f"An empty session: {_NOTHING}."


def tables(told: ToldSession) -> Iterator[RenderableType]:
    """The parts of a session, as wide as the terminal; nothing is cut off in 80 columns."""
    if told.alert is not None:
        yield table([told.alert])
    if told.grant is not None:
        yield _pairs("grant", _grant(told.grant))
        yield _actions(told)
    if told.summary is not None:
        yield _pairs("summary", _summary(told.summary))


def _grant(grant: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("principal", printable(grant["principal"])),
        ("member account", printable(grant["member_account"])),
        ("access key", printable(grant["issued_access_key_id"])),
        ("task policy", printable(grant["task_policy"] or "none")),
        ("from", to_iso8601(grant["time"])),
        ("to", to_iso8601(grant["expires_at"])),
        ("address", printable(grant["source_ip"] or "none")),
    ]


def _actions(told: ToldSession) -> Table:
    grid = Table(box=HORIZONTALS, pad_edge=False, expand=True)
    for name, width in (("event time\n(UTC)", 10), ("severity", 8), ("after the\ngrant", 9)):
        grid.add_column(name, width=width)
    grid.add_column("what was done", ratio=1)
    start = (told.grant or {})["time"] if told.grant else 0
    for activity in told.ordered():
        time = activity["event"]["time"]
        date, _, clock = to_iso8601(time).partition("T")
        grid.add_row(
            f"{date}\n{clock[:8]}",
            severity_text(printable(activity["severity"])),
            f"{(time - start) / 1000:+,.0f} s",
            Text(_deed(activity), overflow="fold"),
        )
    if not told.activities:
        grid.add_row("", "", "", "no action is recorded")
    return grid


def _summary(summary: Mapping[str, Any]) -> Iterator[tuple[str, str | Text]]:
    yield "severity", severity_text(printable(summary["severity"]))
    yield "in short", _said(summary)
    for call in summary["actions"]:
        yield (
            "calls",
            f"{call['count']} x {printable(call['source'])} {printable(call['name'])}, {printable(call['outcome'])}",
        )
    resources = summary["resources"]
    for resource in resources[:_RESOURCES_SHOWN]:
        yield "resource", printable(resource["arn"] or resource["type"] or resource["account_id"] or "unnamed")
    if len(resources) > _RESOURCES_SHOWN:
        yield "resource", f"and {len(resources) - _RESOURCES_SHOWN} more; --json has them"
    if summary["cut"]:
        yield "cut", f"{printable(', '.join(summary['cut']))}: too long to be kept whole"
    if summary["closed_at"] is not None:
        yield "written", to_iso8601(summary["closed_at"])


def _pairs(title: str, rows: list[tuple[str, str]] | Iterator[tuple[str, str | Text]]) -> Table:
    """Names and values, one per line; a name is not repeated."""
    grid = Table(box=None, pad_edge=False, show_header=False, title=title, title_justify="left", title_style="bold")
    grid.add_column(width=14)
    grid.add_column(ratio=1, overflow="fold")
    last = ""
    for name, value in rows:
        grid.add_row("" if name == last else name, value if isinstance(value, Text) else Text(value))
        last = name
    return grid


def _deed(activity: Mapping[str, Any]) -> str:
    event = activity["event"]
    return printable(
        f"{event['source'].removesuffix('.amazonaws.com')} {event['name']}, {activity['outcome']}: {activity['reason']}"
    )


def _said(summary: Mapping[str, Any]) -> str:
    return printable(f"revision {summary['revision']}: {summary['reason']}")
