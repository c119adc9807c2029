"""A worker without its table restores it from the changelog, even if it is killed meanwhile, also as a standby."""

from __future__ import annotations

import re
import sys
import uuid
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from pairs import alert_ids, pair_of, records
from sightings import RULE, pair_key
from stores import Changes, changelog, entries_by_changelog, has_all, latest, stores
from worker_process import SOON_MISSED, Deployment, wait_for

from streams.detection.memory import TupleMemory
from streams.wire.sighting import key_of_group
from streams.wire.stored.memory import encode_tuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kafka_broker import Names, RunningBroker
    from worker_process import Worker

CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")
SEEN = 1_772_359_200_000  # 2026-03-01 10:00 UTC
PARTITIONS = 4


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=3)
    settings = {"partitions": str(PARTITIONS), "standby_replicas": "1", **SOON_MISSED}
    made = Deployment(broker.bootstrap, names, tmp_path, settings)
    made.apply_topics()
    return made


def changelog_of(remembered: Iterable[Any], forgotten: Iterable[Any], sightings: int) -> dict[int, Changes]:
    """A changelog as workers write it, per partition: a record per sighting of a pair, and one for forgetting it."""
    changes: dict[int, Changes] = defaultdict(list)
    deleted = {pair_of(record) for record in forgotten}
    pairs = [pair_of(record) for record in (*remembered, *forgotten)]
    partitioner, partitions = DefaultPartitioner(), list(range(PARTITIONS))
    for seen in range(sightings + 1):
        for principal, account in pairs:
            last = seen == sightings
            if last and (principal, account) not in deleted:
                continue
            value = None if last else encode_tuple(TupleMemory(SEEN, SEEN + seen, seen + 1))
            number = partitioner(key_of_group(RULE.id, principal), partitions, partitions)
            changes[number].append((pair_key(principal, account), value))
    return changes


def fill_changelog(deployment: Deployment, changes: Mapping[int, Changes]) -> None:
    """Write a changelog, compressed and in one transaction, so that each partition ends with a marker."""
    producer = Producer(
        {
            "bootstrap.servers": deployment.bootstrap,
            "transactional.id": str(uuid.uuid4()),
            "compression.type": "zstd",
        }
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    for number, ordered in changes.items():
        for key, value in ordered:
            producer.produce(changelog(deployment), value, key, partition=number)
            producer.poll(0)
    producer.commit_transaction(60)


def remaining(worker: Worker) -> float:
    """How many changes are missing in a worker's table, by its metric, as active or as standby."""
    found = re.findall(rb"^rootwatch_recovery_remaining\{.*\} (\S+)$", worker.get("/metrics")[1], re.MULTILINE)
    assert len(found) == 2
    return sum(map(float, found))


def test_killed_while_restoring(deployment: Deployment) -> None:
    """A2, M5, M9: after a kill in each part of a recovery, a store is its changelog up to its offset.

    In the end it is the whole changelog. The changelog is compressed, has overwritten and deleted keys, and ends with
    transaction markers. Remembered pairs do not alert; forgotten ones alert once.
    """
    remembered, forgotten = list(records(1000)), list(records(200, tag="forgotten-"))
    changes = changelog_of(remembered, forgotten, sightings=3)
    assert set(changes) == set(range(PARTITIONS))
    fill_changelog(deployment, changes)
    for part in ("2", "1"):
        with deployment.worker(command=(sys.executable, CRASHING, "restored", part)) as worker:
            worker.process.wait(120)
            assert worker.process.returncode == -9, worker.tail()
        begun = stores(deployment, "worker")
        for number, (reached, entries) in begun.items():
            assert entries == latest(changes[number][: reached + 1])
        assert 0 < sum(reached + 1 for reached, _ in begun.values()) < sum(map(len, changes.values()))

    with deployment.worker() as worker:
        worker.wait_until_ready()
        assert remaining(worker) == 0
        later = [{**record, "eventTime": "2026-03-01T10:05:00Z"} for record in (*remembered, *forgotten)]
        deployment.produce(later)
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    ids = alert_ids(deployment)
    assert set(ids) == {pair_of(record) for record in forgotten}
    assert {len(found) for found in ids.values()} == {1}
    restored = stores(deployment, "worker")
    assert {number: entries for number, (_, entries) in restored.items()} == entries_by_changelog(deployment)


def test_a_standby_restores_follows_and_takes_over(deployment: Deployment) -> None:
    """M5, M9: two workers that restore share the table; when one is killed, the other has its partitions warm.

    The second worker joins while the first may still be restoring. No remembered pair alerts again, and the worker that
    takes over reads only the last changes.
    """
    remembered, fresh = list(records(5000, principals=100)), list(records(200, tag="fresh-"))
    changes = changelog_of(remembered, [], sightings=4)
    fill_changelog(deployment, changes)
    with ExitStack() as running:
        workers = [running.enter_context(deployment.worker(name)) for name in ("first", "second")]
        for worker in reversed(workers):
            worker.wait_until_ready()
        first, second = workers
        last = {number: len(ordered) - 1 for number, ordered in changes.items()}  # the transaction's marker follows
        for name in ("first", "second"):
            wait_for(partial(has_all, deployment, name, last), "the standbys are restored")
        deployment.produce(fresh)
        wait_for(deployment.all_done, "all offsets are committed")
        last = {number: end - 1 for number, end in deployment.ends(changelog(deployment)).items()}
        wait_for(partial(has_all, deployment, "second", last), "the standbys have followed")
        before = len(second.log.read_text())
        first.kill()
        known = (*remembered[::5], *fresh)
        deployment.produce({**record, "eventTime": "2026-03-01T10:05:00Z"} for record in known)
        wait_for(deployment.all_done, "all offsets are committed")
        assert second.terminate() == 0, second.tail()
    assert set(alert_ids(deployment)) == {pair_of(record) for record in fresh}
    taken_over = stores(deployment, "second")
    assert {number: entries for number, (_, entries) in taken_over.items()} == entries_by_changelog(deployment)
    read = re.findall(r"memory\.restored .*records=(\d+)", second.log.read_text()[before:])
    assert sum(map(int, read)) < len(remembered)
