"""A worker's process: it checks, starts, and runs until it is stopped."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import faust.worker

from streams import log
from streams.worker import startup
from streams.worker.app import WorkerApp, create_app
from streams.worker.skips import NO_SKIPS, Skips

if TYPE_CHECKING:
    from types import FrameType

    from streams.settings import Settings


class Worker(faust.worker.Worker):  # type: ignore[misc]
    """Faust's worker without its own logging, spinner and banner: its messages go through this project's log."""

    def __init__(self, app: WorkerApp) -> None:
        super().__init__(app, override_logging=False, quiet=True)
        self.spinner = None

    def _on_startup_end_spinner(self) -> None:
        """Print nothing: the app logs when it is ready."""


def run(options: Settings, skips: Skips = NO_SKIPS) -> None:
    """Run a worker with these settings. At its end the process ends.

    Args:
        options: the settings.
        skips: records that become dead letters unread.

    Raises:
        OperatorError: the worker cannot start.
    """
    log.configure(options.log_format)
    signal.signal(signal.SIGTERM, _leave)  # until Faust handles the signal: nothing is in hand yet
    startup.check(options, skips)
    Worker(create_app(options, skips)).execute_from_commandline()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
