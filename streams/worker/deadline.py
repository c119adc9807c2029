"""The last resort of a shutdown: ends a process that cannot finish in time.

Faust and aiokafka wait without limit for a broker that does not answer: to commit, to flush, to leave the group.
Kubernetes kills a process after 30 s, systemd after 90 s, and a killed process looks like a fault. Ending early loses
nothing: what is not committed is handled again (A2), and RocksDB's log survives the process.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


class Deadline:
    """Ends the process after a given time unless it is cancelled. It works even if the event loop is stuck.

    Args:
        seconds: how long the shutdown may take.
        exit_code: called when time is up; gives the process's exit code.
    """

    def __init__(self, seconds: float, exit_code: Callable[[], int]) -> None:
        self._seconds = seconds
        self._exit_code = exit_code
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def start(self) -> None:
        """Start the timer."""
        self._timer.start()

    def cancel(self) -> None:
        """Stop the timer, when the shutdown is done."""
        self._timer.cancel()

    def _end(self) -> None:
        log.warning(
            "worker.unfinished",
            seconds=self._seconds,
            consequence="the process ends without a last commit; what is not committed is handled again",
        )
        os._exit(self._exit_code())
