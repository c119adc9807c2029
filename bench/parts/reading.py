"""A worker beside plain consumers, on a topic of which it takes a part: how fast each reads to the end."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contenders import Place, Rootwatch
from bench.watch import watch_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
MOST_SECONDS = 20  # for a worker in one run


@dataclass(frozen=True)
class Topic:
    """A topic to read.

    Args:
        name: its name.
        messages: how many it has.
        records: how many records these hold.
        alerts: how many alerts a worker raises on them.
        consumers: the kinds of consumers that read it, too.
        label: what its rows say of it.
        worker: the worker that reads it.
    """

    name: str
    messages: int
    records: int
    alerts: int
    consumers: tuple[str, ...]
    label: Row
    worker: Rootwatch = field(default_factory=Rootwatch)
    partitions: int = PARTITIONS


def compare(bootstrap: str, topic: Topic, options: Options) -> Iterator[Row]:
    """Let each read the topic in turn, run by run."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(bootstrap, topic.name, Path(folder))
        for run in range(options.runs):
            for kind in filter(options.takes, topic.consumers):
                took = consumer(kind, bootstrap, topic)
                yield {
                    "contender": kind,
                    **topic.label,
                    "run": run,
                    "per_second": topic.records / took["seconds"],
                    "processor_us": took["processor"] / topic.records * 1e6,
                }
            if options.takes("rootwatch"):
                yield {"contender": "rootwatch", **topic.label, "run": run, **worker(place, topic)}


def worker(place: Place, topic: Topic) -> Row:
    """What a worker did, or two."""
    with topic.worker.run(place) as job:
        done = watch_reading(job, place, topic.alerts, MOST_SECONDS)
    records = topic.records * done.alerts / topic.alerts
    return {
        "per_second": records / done.seconds,
        "processor_us": done.processor / records * 1e6,
        "memory_mib": done.memory,
        "all_there": done.all_there,
    }


def consumer(kind: str, bootstrap: str, topic: Topic) -> dict[str, float]:
    """Seconds and processor seconds of a consumer, in a process of its own."""
    command = [sys.executable, "-m", "bench.peers.consumers", kind, bootstrap, topic.name]
    done = subprocess.run(  # noqa: S603  the bench's own program
        [*command, str(topic.partitions), str(topic.messages)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    took: dict[str, float] = json.loads(done.stdout)
    return took
