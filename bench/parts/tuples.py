"""Ten thousand to a million remembered tuples: a restore on an empty disk, and decisions beside so many."""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from kafka_broker import Names, create_topic
from worker_process import Deployment

from bench.contenders import Job, Place
from bench.load.memory import changelog
from bench.load.records import mixed, new_pairs
from bench.load.topics import delete, fill, fill_keyed
from bench.parts.reading import Topic, consumer
from bench.watch import peak_memory, processor_seconds, watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

PARTITIONS = 8
TUPLES = (10_000, 100_000, 1_000_000)
DECISIONS = 20_000
MOST_SECONDS = 10
MOST_RUNS = 2


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure each number of tuples; ``records`` is how many decisions follow."""
    for tuples in TUPLES:
        name = f"bench-{uuid.uuid4().hex[:8]}"
        source = create_topic(bootstrap, f"{name}-cloudtrail", 4)
        with tempfile.TemporaryDirectory() as folder:
            settings = {"partitions": str(PARTITIONS), "standby_replicas": "0", "max_alerts": "0"}
            deployment = Deployment(bootstrap, Names(name, name, source), Path(folder), settings)
            deployment.apply_topics()
            entries = fill_keyed(bootstrap, f"{name}-memory-changelog", changelog(tuples, PARTITIONS), "zstd")
            topic = Topic(f"{name}-memory-changelog", entries, tuples, 0, (), {}, partitions=PARTITIONS)
            for run in range(min(options.runs, MOST_RUNS)):
                if options.takes("tuned"):
                    took = consumer("tuned", bootstrap, topic)
                    yield {"contender": "tuned", "tuples": tuples, "run": run, **took}
                yield _start(deployment, tuples, f"worker-{run}", run, "cold")
                yield _start(deployment, tuples, f"worker-{run}", run, "warm")
            yield _decisions(deployment, tuples, options.records or DECISIONS)
        delete(bootstrap, name)


def _start(deployment: Deployment, tuples: int, name: str, run: int, start: str) -> Row:
    begun = time.perf_counter()
    with deployment.worker(name) as worker:
        worker.wait_until_ready(600)
        seconds = time.perf_counter() - begun
        pid = worker.process.pid
        row: Row = {
            "contender": "rootwatch",
            "tuples": tuples,
            "run": run,
            "start": start,
            "seconds": seconds,
            "processor": processor_seconds([pid]),
            "memory_mib": peak_memory(pid),
        }
        worker.terminate()
        stored = sum(file.stat().st_size for file in (deployment.folder / name).rglob("*") if file.is_file())
        return {**row, "disk_bytes_each": stored / tuples}


def _decisions(deployment: Deployment, tuples: int, count: int) -> Row:
    """Decide on new and known pairs beside these tuples."""
    with deployment.worker("worker-0") as worker:
        worker.wait_until_ready(600)
        fill(deployment.bootstrap, deployment.names.source_topic, mixed(count, 1), "zstd")
        job = Job([worker.process.pid], f"{deployment.topic}.alerts", f"{deployment.topic}.sightings", PARTITIONS)
        place = Place(deployment.bootstrap, deployment.names.source_topic, deployment.folder)
        done = watch(job, place, new_pairs(count), MOST_SECONDS)
    records = done.alerts * 10 / 9
    cost = {"per_second": records / done.seconds, "processor_us": done.processor / records * 1e6}
    return {"contender": "rootwatch", "tuples": tuples, "run": 0, "start": "decisions", **cost}
