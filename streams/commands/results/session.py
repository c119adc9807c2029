"""``rootwatch session``: tells what was done with the credentials that one AssumeRoot call issued (S13)."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from streams import settings
from streams.commands.terminal import session_view
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import say
from streams.content.printable import printable
from streams.kafka.admin import check_topic
from streams.kafka.readers.sessions import find_sessions
from streams.settings import SettingsError
from streams.topics.catalogue import topic_names


def session(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="ALERT_ID|KEY_ID",
            help="An alert's alert_id, or the access key id that was issued: event.issued_access_key_id of an alert. "
            "The session's own id is found as well.",
        ),
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    config: Config = None,
) -> None:
    """Tell a root session whole: its alert, the grant, each action in order of time, and the last summary.

    A table at a terminal, else one line each. Exit 1 if nothing is known of the session.

    Examples:
        rootwatch session 0f5fa2a6-3f6b-5d0e-9d3c-5b1f3f0f8c11
        rootwatch session ASIAIOSFODNN7EXAMPLE --json
    """
    wanted = wanted.strip()
    if not wanted:
        raise SettingsError("ALERT_ID|KEY_ID = '': give the id of an alert or of an access key")
    configured = settings.load(config)
    names = topic_names(configured)
    check_topic(configured, names.alerts)
    found = find_sessions(configured, names, wanted)
    for told in found.sessions:
        if json:
            sys.stdout.writelines(f"{line}\n" for line in session_view.json_lines(told))
        elif sys.stdout.isatty():
            for part in session_view.tables(told):
                Console().print(part)
        else:
            sys.stdout.writelines("\t".join(line) + "\n" for line in session_view.lines(told))
        for note in session_view.notes(told):
            say(note)
    for value in found.unreadable:
        say(f"rootwatch: {value}")
    if not found.sessions:
        say(
            f"rootwatch: nothing is known of {printable(wanted)}: no alert on {names.alerts} or {names.overflow} has "
            "this id or issued this key, and no session has it."
        )
        say(
            "rootwatch: `rootwatch alerts --json` has the ids. The key of a root session begins with ASIA. "
            "The topics keep what is 400 days old at most."
        )
    if found.unreadable or not found.sessions:
        raise typer.Exit(1)
