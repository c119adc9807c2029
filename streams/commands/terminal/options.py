"""Options that several commands have, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.errors import UsageError
from streams.settings.values import parse_time

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings file; default: the one in ROOTWATCH_CONFIG, else rootwatch.toml in the working directory.",
    ),
]


def parse_from(start: str | None) -> int | None:
    """Read the option ``--from`` of a command that follows topics, as milliseconds since the epoch.

    Raises:
        UsageError: it is no time.
    """
    try:
        return None if start is None else parse_time(start)
    except ValueError as error:
        raise UsageError(f"--from = {start!r}: {error}") from error
