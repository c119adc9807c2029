"""A shutdown that gets stuck ends the process at its deadline."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import threading
from streams.worker.deadline import Deadline
deadline = Deadline({seconds}, lambda: {code})
deadline.start()
{then}
"""
STUCK = "threading.Event().wait()"


def ended(**words: object) -> subprocess.CompletedProcess[str]:
    """A process that shuts down in this way."""
    program = [sys.executable, "-c", PROGRAM.format(**words)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  ours


@pytest.mark.parametrize("code", [0, 1])
def test_stuck(code: int) -> None:
    """Whatever blocks the main thread, the process ends at the deadline with the exit code of its state."""
    done = ended(seconds=0.2, code=code, then=STUCK)
    assert done.returncode == code
    assert "worker.unfinished" in done.stdout + done.stderr


@pytest.mark.parametrize("then", ["deadline.cancel()", ""])
def test_in_time(then: str) -> None:
    """A shutdown in time ends the process by itself, with or without cancelling the deadline."""
    done = ended(seconds=600, code=9, then=then)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
