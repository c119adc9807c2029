"""Watches jobs from outside: what they have written at the broker, and what their processes have used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load.topics import Ends

if TYPE_CHECKING:
    from bench.contenders import Job, Place

PAUSE = 0.05  # between two looks at the broker
FIRST_SECONDS = 120
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Progress:
    """What a job did between the first that it wrote anywhere and the last look.

    Args:
        seconds: how long that was.
        alerts: how many alerts the broker took in this time.
        processor: processor seconds that the job's processes used in it.
        memory: their highest resident memory, in MiB.
        all_there: whether all expected alerts were there at the end.
    """

    seconds: float
    alerts: int
    processor: float
    memory: float
    all_there: bool


def watch(job: Job, place: Place, expected: int, most_seconds: float) -> Progress:
    """Watch a job from the first that it writes until all alerts are there, or for so many seconds.

    Raises:
        RuntimeError: the job ended, wrote nothing for too long, or gave more alerts than expected.
    """
    ends = Ends(place.bootstrap, job.alerts, job.partitions)
    first_written = Ends(place.bootstrap, job.between, job.partitions) if job.between else ends
    begun = time.monotonic()
    while not first_written.count():
        if time.monotonic() - begun > FIRST_SECONDS or any(_stat(pid)[0] == "Z" for pid in job.pids):
            raise RuntimeError(f"the job ended, or wrote nothing within {FIRST_SECONDS} s")
        time.sleep(PAUSE)
    first, start, used = ends.count(), time.monotonic(), processor_seconds(job.pids)
    last, at = first, start
    while last < expected and at - start < most_seconds:
        time.sleep(PAUSE)
        last, at = ends.count(), time.monotonic()
    if last > expected:
        raise RuntimeError(f"{last} alerts for {expected} pairs")
    memory = sum(peak_memory(pid) for pid in family(job.pids))
    return Progress(at - start, last - first, processor_seconds(job.pids) - used, memory, last == expected)


def watch_reading(job: Job, place: Place, expected: int, most_seconds: float) -> Progress:
    """Watch a worker from its first fetch until the broker has stamped its last alert, or for so many seconds.

    Unlike ``watch`` it depends on no pause between two looks, so that a second can be measured.

    Raises:
        RuntimeError: the worker ended, was not ready for too long, or gave more alerts than expected.
    """
    ready = wait_until_ready(job)
    ends, used = Ends(place.bootstrap, job.alerts, job.partitions), processor_seconds(job.pids)
    while (count := ends.count()) < expected and time.time() - ready < most_seconds:
        time.sleep(PAUSE)
    at = ends.newest() if count == expected else time.time()
    if count > expected:
        raise RuntimeError(f"{count} alerts for {expected} tuples")
    memory = sum(peak_memory(pid) for pid in family(job.pids))
    return Progress(at - ready, count, processor_seconds(job.pids) - used, memory, count == expected)


def wait_until_ready(job: Job) -> float:
    """Wait until all its workers are ready; return when the last one was, by the clock of their logs.

    Raises:
        RuntimeError: a worker ended, or was not ready for too long.
    """
    begun = time.monotonic()
    while not (ready := _ready(job)):
        if time.monotonic() - begun > FIRST_SECONDS or any(_stat(pid)[0] == "Z" for pid in job.pids):
            raise RuntimeError(f"a worker ended, or was not ready within {FIRST_SECONDS} s")
        time.sleep(PAUSE)
    return ready


def _ready(job: Job) -> float | None:
    """When the last of its workers became ready, which then fetch, by the clock of their logs."""
    times = []
    for log in job.logs:
        line = next((line for line in log.read_text().splitlines() if "worker.ready" in line), None)
        if line is None:
            return None
        times.append(datetime.fromisoformat(line.split()[0]).timestamp())
    return max(times)


def family(pids: list[int]) -> list[int]:
    """These processes and all that they started."""
    found = list(pids)
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(_stat(int(folder.name))[1])
        except OSError:
            continue  # it has just ended
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def processor_seconds(pids: list[int]) -> float:
    """Processor seconds that these processes and all that they started have used so far."""
    total = 0
    for pid in family(pids):
        try:
            fields = _stat(pid)
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def peak_memory(pid: int) -> float:
    """The highest resident memory of a process so far, in MiB; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name: state (``Z`` if it has ended), parent and so on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
