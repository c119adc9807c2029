"""Reading in processes: nothing is lost, nothing is read twice, and a process that dies is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sightings import NOON, RULES, sighting
from worker_process import wait_for

from streams.backtest.reading.process_pool import WorkerLostError, gather
from streams.backtest.reading.read_stats import Location, ReadStats, Rejection
from streams.backtest.reading.tasks import Chunk, ReadSettings
from streams.pipeline import ExtractSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

READING = ReadSettings(RULES, ExtractSettings())


@dataclass(frozen=True)
class Numbers:
    """A task that finds one sighting for each of its numbers, one per chunk."""

    numbers: tuple[int, ...]

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:  # noqa: D102  the protocol's
        assert read_settings.rules == RULES
        for number in self.numbers:
            stats = ReadStats(messages=1)
            stats.reject(Rejection(Location(f"file {number:03}"), "malformed", "x"))
            yield Chunk(stats, [sighting(NOON + number)])


@dataclass(frozen=True)
class Death:
    """A task whose process dies while it reads."""

    def read(self, _reading: ReadSettings) -> Iterator[Chunk]:  # noqa: D102  the protocol's
        yield Chunk(ReadStats(messages=1), [])
        os._exit(9)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_parts_of_all_tasks_come_whatever_the_number_of_processes(processes: int) -> None:
    """Any number of processes finds the same sightings and counts the same."""
    tasks = [Numbers(tuple(range(start, start + 5))) for start in range(0, 50, 5)]
    chunks = list(gather(tasks, READING, processes))
    total = ReadStats()
    for chunk in chunks:
        total.add(chunk.stats)
    assert sorted(seen.event.time for chunk in chunks for seen in chunk.sightings) == [NOON + n for n in range(50)]
    assert total.messages == 50
    assert total.rejected == {"malformed": 50}
    assert [rejection.location.source for rejection in total.rejections] == [
        f"file {number:03}" for number in range(10)
    ]


def test_a_process_that_dies_is_an_error() -> None:
    """If a process is lost, what it had not handed over is never silently missing."""
    with pytest.raises(WorkerLostError, match="exit code 9"):
        list(gather([Death(), Numbers((1,)), Death()], READING, 2))


def test_leaving_early_ends_the_processes() -> None:
    """A caller that stops in the middle does not wait for the processes."""
    chunks = gather([Numbers(tuple(range(1000))) for _ in range(4)], READING, 2)
    assert next(chunks).stats.messages == 1
    chunks.close()  # type: ignore[attr-defined]


KILLED = """
import os, signal
from streams import settings
from streams.backtest.reading.tasks import Chunk
from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.reading.read_stats import ReadStats
from streams.backtest.reading.process_pool import gather
from streams.pipeline import ExtractSettings

class Number:
    def read(self, read_settings):
        yield Chunk(ReadStats(messages=os.getpid()), [])

chunks = gather([Number()] * 100_000, ReadSettings(settings.load(None).load_rules(), ExtractSettings()), 3)
readers = set()
while len(readers) < 3:
    readers.add(next(chunks).stats.messages)
print(*readers, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _has_ended(process: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_killed_caller_leaves_no_process_behind(tmp_path: Path) -> None:
    """If a supervisor kills the process that it started, the reading processes end too."""
    caller = subprocess.run(  # noqa: S603  this project's own
        [sys.executable, "-c", KILLED], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    readers = [int(number) for number in caller.stdout.split()]
    assert len(readers) == 3, caller.stderr
    wait_for(lambda: all(map(_has_ended, readers)), "the reading processes to end")
