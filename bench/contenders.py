"""The programs that do the worker's job: each with its own process and its own topic of alerts."""

from __future__ import annotations

import os
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafka_broker import Names, create_topic
from worker_process import Deployment

from bench.load.topics import BY_THE_BROKER, delete, stamp_by_the_broker
from bench.peers import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from worker_process import Worker

PARTITIONS = 4  # of what each of them writes


@dataclass(frozen=True)
class Job:
    """A running job.

    Args:
        pids: its processes.
        alerts: its topic of alerts.
        between: the topic in which it brings what it takes to the partition of its principal, if it has one.
        partitions: of these topics.
        logs: of its processes, if it is rootwatch.
    """

    pids: list[int]
    alerts: str
    between: str | None
    partitions: int = PARTITIONS
    logs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a job runs."""

    bootstrap: str
    source: str
    folder: Path


@dataclass(frozen=True)
class Rootwatch:
    """Workers of rootwatch; with the settings given, else those of the shipped rule without a cap."""

    settings: Mapping[str, str] = field(default_factory=lambda: {"max_alerts": "0"})
    workers: int = 1
    partitions: int = PARTITIONS

    @contextmanager
    def run(self, place: Place) -> Iterator[Job]:
        """Run them, without standbys."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        folder = place.folder / name
        folder.mkdir()
        settings = {"standby_replicas": "0", "partitions": str(self.partitions), **self.settings}
        deployment = Deployment(place.bootstrap, Names(name, name, place.source), folder, settings)
        deployment.apply_topics()
        stamp_by_the_broker(place.bootstrap, f"{name}.alerts")
        try:
            with _all(deployment, self.workers) as workers:
                pids, logs = [worker.process.pid for worker in workers], tuple(worker.log for worker in workers)
                yield Job(pids, f"{name}.alerts", f"{name}.sightings", self.partitions, logs)
        finally:
            delete(place.bootstrap, name)


@contextmanager
def _all(deployment: Deployment, workers: int) -> Iterator[list[Worker]]:
    if not workers:
        yield []
        return
    with deployment.worker(f"worker-{workers}") as worker, _all(deployment, workers - 1) as others:
        yield [worker, *others]


@dataclass(frozen=True)
class Peer:
    """A peer.

    Args:
        command: installs it if need be, and returns the program that gets the job's arguments.
        between: how it names its topic between reading and deciding; empty if it has none.
        more: more arguments.
    """

    command: Callable[[], list[str]]
    between: str = ""
    more: tuple[str, ...] = ()

    @contextmanager
    def run(self, place: Place) -> Iterator[Job]:
        """Run it."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        alerts = create_topic(place.bootstrap, f"{name}.alerts", PARTITIONS, **BY_THE_BROKER)
        log = place.folder / f"{name}.log"
        arguments = [place.bootstrap, place.source, alerts, name, str(place.folder / name), *self.more]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  the bench's own program
                [*self.command(), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=place.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            try:
                between = self.between.format(name=name, source=place.source)
                yield Job([process.pid], alerts, between or None)
            except Exception as failure:
                failure.add_note(f"The end of its log:\n{log.read_text(errors='replace')[-4000:]}")
                raise
            finally:
                process.kill()
                process.wait()
                delete(place.bootstrap, name)
                delete(place.bootstrap, f"repartition__{name}")  # as Quix Streams names its own
                delete(place.bootstrap, f"changelog__{name}")


CONTENDERS: dict[str, Rootwatch | Peer] = {
    "rootwatch": Rootwatch(),
    "quix": Peer(install.quix, "repartition__{name}--{source}--principal"),
    "kafka-streams": Peer(install.kafka_streams, "{name}-principal-repartition", ("1",)),
    "bytewax": Peer(install.bytewax),
}
