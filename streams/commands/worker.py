"""``rootwatch worker``: runs a worker until it is told to stop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path  # noqa: TC003  typer reads it
from typing import TYPE_CHECKING, Annotated

import faust.worker
import typer

from streams import log, settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.worker import startup
from streams.worker.agents.skips import NO_SKIPS, Skips, parse_skips
from streams.worker.app import WorkerApp, create_app

if TYPE_CHECKING:
    from types import FrameType

    from streams.settings import Settings


class Worker(faust.worker.Worker):  # type: ignore[misc]
    """Faust's worker without its own logging, spinner and banner: what it says goes through this project's log."""

    def __init__(self, app: WorkerApp) -> None:
        super().__init__(app, override_logging=False, quiet=True)
        self.spinner = None

    def _on_startup_end_spinner(self) -> None:
        """Say nothing: the app logs when it is ready."""


def worker(
    config: Config = None,
    rule: Annotated[
        Path | None, typer.Option("--rule", metavar="FILE", help="A rule file in place of the shipped rule.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="Where RocksDB keeps the table.")
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            "--skip",
            metavar="TOPIC:PARTITION:OFFSET",
            help="Make this record a dead letter without reading it, and go on behind it; may be repeated.",
        ),
    ] = None,
) -> None:
    """Run a worker: CloudTrail in, alerts out.

    It waits for a broker or registry that is not there yet, and refuses to start on missing or wrong topics. SIGTERM
    finishes what is in hand, commits and ends with 0; a failure that waiting cannot fix ends with 1, and nothing is
    committed past it.
    """
    options = settings.load(config, rule=_text(rule), state_dir=_text(state_dir))
    run(options, parse_skips(skip or (), options))


def run(options: Settings, skips: Skips = NO_SKIPS) -> None:
    """Run a worker with these settings; ends the process.

    Args:
        options: the settings.
        skips: records that become dead letters unread.

    Raises:
        OperatorError: the worker cannot start.
    """
    log.configure(options.log_format)
    signal.signal(signal.SIGTERM, _leave)  # until Faust takes it over: nothing is in hand yet
    startup.check(options, skips)
    Worker(create_app(options, skips)).execute_from_commandline()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
