"""Workers of neighbouring releases in one group read each other's data, during an upgrade and a rollback."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from next_release import next_release, next_schema, schema_versions
from pairs import alert_ids, assert_each_pair_alerted_under_one_id, records
from sightings import pair_key
from worker_process import ROOTWATCH, Worker, wait_for

from streams.wire.schemas import released
from streams.wire.single_object import SingleObjectCodec, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from worker_process import Deployment

THIS_RELEASE: Mapping[str, str] = {}
SIGHTINGS = SingleObjectCodec(next_schema("sighting"), released("sighting"))
VERSIONS = schema_versions()


class Group:
    """The workers of a deployment, each of some release, and all records that were produced."""

    def __init__(self, deployment: Deployment, running: ExitStack) -> None:
        self.deployment = deployment
        self.produced: list[dict[str, Any]] = []
        self._running = running
        self._workers: dict[str, Worker] = {}

    def run(self, name: str, release: Mapping[str, str]) -> Worker:
        """Replace the worker of this name with one of this release, on the same state directory."""
        if name in self._workers:
            assert self._workers.pop(name).terminate() == 0
        variables = [f"{variable}={value}" for variable, value in release.items()]
        command = ("env", *variables, str(ROOTWATCH), "worker")
        worker = self._running.enter_context(self.deployment.worker(name, command=command))
        self._workers[name] = worker
        worker.wait_until_ready()
        return worker

    def produce_some(self) -> None:
        """Produce records of new pairs."""
        more = list(records(40, tag=f"{len(self.produced)}-"))
        self.produced += more
        self.deployment.produce(more)

    def is_done(self) -> bool:
        """Whether everything that was produced is committed; fails if a worker has ended."""
        for worker in self._workers.values():
            assert worker.process.poll() is None, worker.tail()
        return self.deployment.all_done()

    def wait_until_done(self) -> None:
        """Wait until everything that was produced is committed."""
        wait_for(self.is_done, "all offsets are committed")

    def versions(self) -> set[tuple[str, str]]:
        """The schema versions of sighting and memory, for each sighting that went through the group."""
        changelog = self.deployment.read(f"{self.deployment.names.group_id}-memory-changelog")
        remembered = {message.key(): VERSIONS.get(message.value()[2:10]) for message in changelog}
        found = set()
        for message in self.deployment.read(f"{self.deployment.topic}.sightings"):
            sighting = SIGHTINGS.decode(message.value())
            pair = remembered.get(pair_key(*(term["value"] for term in sighting["terms"])))
            if pair is not None:
                found.add((VERSIONS[message.value()[2:10]], pair))
        return found


@pytest.fixture
def group(deployment: Deployment) -> Iterator[Group]:
    with ExitStack() as running:
        yield Group(deployment, running)


def test_two_releases_roll_through_a_group(group: Group, tmp_path: Path) -> None:
    """A release reads a new version, then one writes it, then comes a rollback: nothing stops, is lost or repeated.

    While one release reads and the other writes the new version, each decides on the other's sightings and memory.
    """
    reads = next_release(tmp_path / "reads", writes=False)
    writes = next_release(tmp_path / "writes", writes=True)
    group.run("first", THIS_RELEASE)
    group.run("second", reads)
    group.produce_some()
    group.wait_until_done()
    assert group.versions() == {("old", "old")}

    group.run("first", reads)
    group.run("second", writes)

    def each_has_read_the_other() -> bool:
        group.produce_some()
        group.wait_until_done()
        return group.versions() == set(itertools.product(("old", "new"), repeat=2))

    wait_for(each_has_read_the_other, "sightings of either are decided on by either", 180)
    group.run("first", writes)
    group.produce_some()
    group.wait_until_done()

    group.run("second", reads)
    group.run("first", reads)
    group.produce_some()
    group.wait_until_done()
    assert_each_pair_alerted_under_one_id(group.deployment, group.produced)
    before = alert_ids(group.deployment)
    again = [
        {**record, "eventTime": "2026-03-01T10:05:00Z", "eventID": f"{n}"} for n, record in enumerate(group.produced)
    ]
    group.deployment.produce(again)
    group.wait_until_done()
    assert alert_ids(group.deployment) == before


def test_a_release_is_left_out(group: Group, tmp_path: Path) -> None:
    """A worker that finds a version it cannot read stops with a line that says what to install; nothing is lost."""
    writes = next_release(tmp_path / "writes", writes=True)
    old = group.run("old", THIS_RELEASE)

    def has_stopped() -> bool:
        group.produce_some()
        return old.process.poll() is not None

    group.run("new", writes)
    wait_for(has_stopped, "the old worker stops")
    assert old.process.returncode == 1
    (line,) = [line for line in old.tail().splitlines() if "worker.failed" in line]
    assert fingerprint(next_schema("sighting")).hex() in line
    assert "install the version that the newest worker runs" in line
    wait_for(group.deployment.all_done, "the newer worker has taken over")
    assert_each_pair_alerted_under_one_id(group.deployment, group.produced)
