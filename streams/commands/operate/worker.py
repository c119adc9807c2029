"""``rootwatch worker``: runs a worker until it is told to stop."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it
from typing import Annotated

import typer

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.worker.process import run
from streams.worker.skips import parse_skips


def worker(
    config: Config = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="ENTRY",
            help="A rule file, a folder of them, shipped (all that ship) or shipped:ID; in place of the settings' "
            "rules. May be repeated.",
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="The folder where RocksDB keeps the table.")
    ] = None,
    session_grace: Annotated[
        str | None,
        typer.Option(
            "--session-grace",
            metavar="DURATION",
            help="How long after its end a root session is summed up, such as 20m; at least 1s.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip",
            metavar="TOPIC:PARTITION:OFFSET",
            help="Make this record a dead letter without reading it, and go on after it; may be repeated.",
        ),
    ] = None,
) -> None:
    """Run a worker: CloudTrail in, alerts out.

    It waits for a broker or registry that does not answer yet, and refuses to start if topics are missing or wrong. On
    SIGTERM it finishes the records in hand, commits and ends with 0. A failure that waiting cannot fix ends it with 1,
    and nothing is committed past the failure.

    Examples:
        rootwatch worker
        rootwatch worker --config rootwatch.toml --state-dir /var/lib/rootwatch
        rootwatch worker --skip cloudtrail:3:112
    """
    options = settings.load(config, rules=rule or None, state_dir=_text(state_dir), session_grace=session_grace)
    run(options, parse_skips(skip or (), options))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
