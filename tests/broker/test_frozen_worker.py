"""A worker that is stopped for longer than its session, and goes on while another worker has its partitions (A2)."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rocksdict
from confluent_kafka import Producer
from pairs import assert_each_pair_alerted_under_one_id, records
from sightings import RULES
from worker_process import Deployment, Worker, wait_for

from streams.pipeline import ExtractSettings, sight
from streams.wire import sighting as codec
from streams.worker.state.disk_check import OFFSET_KEY
from streams.worker.state.entries import stored_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kafka_broker import Names, RunningBroker

CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=1)
    made = Deployment(broker.bootstrap, names, tmp_path, {"partitions": "2", "standby_replicas": "0"})
    made.apply_topics()
    return made


def freezing(step: str) -> tuple[str, ...]:
    """The command of a worker that stops at this step until it gets SIGCONT."""
    return (sys.executable, CRASHING, step, "1", "SIGSTOP")


def feed(deployment: Deployment, produced: Iterable[Mapping[str, Any]]) -> None:
    """Send sightings directly to their topic: a sight agent that was stopped would rightly send its own again."""
    producer = Producer({"bootstrap.servers": deployment.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
    for record in produced:
        (seen,) = sight(json.dumps(record).encode(), RULES, ExtractSettings()).sightings
        producer.produce(f"{deployment.topic}.sightings", codec.encode(seen), seen.principal.encode())
    assert producer.flush(60) == 0


def is_stopped(worker: Worker) -> bool:
    """Whether the process is stopped."""
    return Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def times_ready(worker: Worker) -> int:
    """How often the worker has become ready; fails if it has ended."""
    assert worker.process.poll() is None, worker.tail()
    return worker.log.read_text().count("worker.ready")


def changelog(deployment: Deployment) -> list[tuple[int, bytes, bytes | None]]:
    """The records of the changelog: partition, key and value of each, by partition, then in its order."""
    read = deployment.read(f"{deployment.names.group_id}-memory-changelog")
    read.sort(key=lambda message: (message.partition(), message.offset()))  # a fetch brings partitions in any order
    return [(message.partition(), message.key(), message.value()) for message in read]


def assert_the_stores_are_the_changelog(deployment: Deployment, worker: str) -> None:
    """Each store of an ended worker, which held all partitions, has the content of its changelog."""
    for number in range(2):
        (path,) = (deployment.folder / worker).glob(f"v1/tables/memory-{number}.db")
        options, access = rocksdict.Options(raw_mode=True), rocksdict.AccessType.read_only()
        store = rocksdict.Rdict(str(path), options, access_type=access)
        entries = dict(stored_from(store, b""))
        store.close()
        del entries[OFFSET_KEY]
        latest = {key: value for partition, key, value in changelog(deployment) if partition == number}
        assert entries == {key: value for key, value in latest.items() if value is not None}


def test_it_writes_nothing_late(deployment: Deployment) -> None:
    """A worker that is stopped before it writes leaves the writes to the next owner, and joins again."""
    produced = list(records(40))
    with deployment.worker("frozen", command=freezing("alerts-sent")) as frozen:
        frozen.wait_until_ready()
        feed(deployment, produced)
        wait_for(lambda: is_stopped(frozen), "the worker is stopped")
        with deployment.worker("other") as other:
            wait_for(deployment.all_done, "the other has done it all")
            before = changelog(deployment)
            times = times_ready(frozen)  # a group that balances twice makes a worker ready twice
            frozen.process.send_signal(signal.SIGCONT)
            wait_for(lambda: times_ready(frozen) > times, "it has joined again")
            assert changelog(deployment) == before
            assert other.terminate() == 0, other.tail()
        assert frozen.terminate() == 0, frozen.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)


def test_what_was_under_way_all_the_same_is_found(deployment: Deployment) -> None:
    """A worker that is stopped in the middle of writing writes late; the next owner misses none of that.

    The next owner reads it in the following rebalance, or else ends with 1 at its next write and reads it when it
    starts.
    """
    produced, later = list(records(40)), list(records(40, time="2026-03-01T10:05:00Z"))
    with deployment.worker("frozen", command=freezing("before-changelog")) as frozen:
        frozen.wait_until_ready()
        feed(deployment, produced)
        wait_for(lambda: is_stopped(frozen), "the worker is stopped")
        with deployment.worker("other") as other:
            wait_for(deployment.all_done, "the other has done it all")
            before = changelog(deployment)
            frozen.process.send_signal(signal.SIGCONT)
            wait_for(lambda: len(changelog(deployment)) > len(before), "it has written late")
            frozen.kill()
            feed(deployment, later)
            wait_for(lambda: other.process.poll() is not None or deployment.all_done(), "done, or found")
            if other.process.poll() is not None:
                assert other.process.returncode == 1
                assert "the store was whole up to offset" in other.log.read_text()
            else:
                assert other.terminate() == 0, other.tail()
    with deployment.worker("other") as other:
        other.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert other.terminate() == 0, other.tail()
    assert_the_stores_are_the_changelog(deployment, "other")
    assert_each_pair_alerted_under_one_id(deployment, produced)
