"""The last resort of a shutdown: a process that cannot finish in time ends all the same.

Faust and aiokafka wait without bound for a broker that does not answer: to commit, to flush, to leave the group. Who
runs workers kills those that do not end (Kubernetes after 30 s, systemd after 90 s), and an unclean end looks like a
fault. Nothing is lost by it: what is not committed is handled again (A2), and RocksDB's log outlives the process.
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
    """Ends the process at a given time unless it is cancelled; holds also when the event loop is stuck.

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
        """Let time run."""
        self._timer.start()

    def cancel(self) -> None:
        """The shutdown is done."""
        self._timer.cancel()

    def _end(self) -> None:
        log.warning(
            "worker.unfinished",
            seconds=self._seconds,
            consequence="ends without a last commit; what was not committed is handled again",
        )
        os._exit(self._exit_code())
