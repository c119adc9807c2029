"""Two years in seconds: forgotten pairs are deleted, so that the memory stays bounded, and are new again (M8)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import rocksdict
from confluent_kafka import Producer
from sightings import ALICE, DAY, pair_key, sighting
from two_years import FIRST_ACCOUNT, START, days, entries_at_most
from worker_process import SOON_MISSED, Deployment, wait_for

from streams.wire import sighting as codec
from streams.wire.stored.memory import TupleKey, decode_tuple, parse_key
from streams.worker.delivery import MOST_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

    from streams.detection.memory import TupleMemory
    from streams.extraction.sighting import Sighting

FORGET_DAYS = 30
MOST_IN_BATCH = 2 * MOST_MESSAGES - 1  # its last delivery may be whole


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=1)
    made = Deployment(
        broker.bootstrap, names, tmp_path, {"partitions": "2", "forget_after": f"{FORGET_DAYS}d", **SOON_MISSED}
    )
    made.apply_topics()
    return made


def feed(deployment: Deployment, sightings: Iterator[Sighting] | list[Sighting], kafka_time: int | None = None) -> None:
    """Send sightings to their topic like the sight agent, with their own time or ``kafka_time`` as timestamp."""
    producer = Producer({"bootstrap.servers": deployment.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
    for seen in sightings:
        timestamp = seen.event.time if kafka_time is None else kafka_time
        producer.produce(
            f"{deployment.topic}.sightings", codec.encode(seen), seen.principal.encode(), timestamp=timestamp
        )
        producer.poll(0)
    assert producer.flush(60) == 0


def remembered(deployment: Deployment) -> tuple[dict[TupleKey, TupleMemory], int]:
    """The pairs in the compacted changelog, and how many entries it has in total."""
    entries: dict[tuple[int, bytes], Any] = {}  # each partition has a state of the rule
    for message in deployment.read(f"{deployment.names.group_id}-memory-changelog"):
        entries[message.partition(), message.key()] = message.value()
    kept = [(parse_key(key), value) for (_, key), value in entries.items() if value is not None]
    return {key: decode_tuple(value) for key, value in kept if isinstance(key, TupleKey)}, len(kept)


def in_store(state: Path) -> int:
    """How many entries a stopped worker's RocksDB has, standby partitions included."""
    count = 0
    for path in state.rglob("memory-*.db"):
        store = rocksdict.Rdict(
            str(path), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        count += sum(1 for key in store.keys() if key.startswith(b"["))  # noqa: SIM118  it is not a dict and has no iterator
        store.close()
    return count


def assert_bounded(deployment: Deployment, day: int) -> int:
    """Assert that the memory has all days of forget_after and is within the bound; return its number of entries.

    The bound follows from the batch limit and the sweep's step: ``entries_at_most`` derives it, and a property in
    ``tests/worker/state/test_sweep.py`` holds it for batches of any size.
    """
    wait_for(deployment.all_done, "all sightings are handled")
    pairs, entries = remembered(deployment)
    expected = {seen.principal for seen in days(day - FORGET_DAYS + 1, day)}
    assert expected <= {key.values[0] for key in pairs}
    assert entries <= entries_at_most(FORGET_DAYS, MOST_IN_BATCH)
    return entries


def test_two_years_stay_bounded(deployment: Deployment) -> None:
    """M8: over two years, with a lost disk and partitions that move, the memory has only the last days.

    A pair that is seen every day is never forgotten. A sighting from the future does not empty the memory. A pair that
    was last seen too long ago counts as never seen, whether it is deleted or not.
    """
    state = deployment.folder / "worker"
    with deployment.worker() as worker:
        feed(deployment, days(0, 300))
        worker.wait_until_ready()
        assert_bounded(deployment, 300)
        from_the_future = sighting(START + 3000 * DAY, "arn:aws:iam::111111111111:user/tomorrow")
        feed(deployment, [from_the_future], START + 300 * DAY)
        feed(deployment, days(300, 301))
        entries = assert_bounded(deployment, 301)
        assert worker.terminate() == 0, worker.tail()
    assert in_store(state) == entries
    shutil.rmtree(state)
    with deployment.worker() as worker, deployment.worker("second") as second:
        feed(deployment, days(301, 500))
        worker.wait_until_ready()
        assert_bounded(deployment, 500)
        second.kill()
        feed(deployment, days(500, 730))
        assert_bounded(deployment, 730)
        pairs, _ = remembered(deployment)
        assert pairs[parse_key(pair_key(ALICE, "222222222222"))].times_seen == 730
        # Deleted long ago, and just old enough but perhaps not yet swept.
        forgotten = [f"arn:aws:iam::111111111111:user/{day}-0" for day in (0, 699)]
        feed(deployment, [sighting(START + 730 * DAY + 1, who, FIRST_ACCOUNT) for who in forgotten])
        wait_for(deployment.all_done, "all sightings are handled")
        assert worker.terminate() == 0, worker.tail()
    _, entries = remembered(deployment)
    assert in_store(state) == entries
    again = [alert for alert in deployment.alerts() if alert["principal"]["arn"] in forgotten]
    assert len(again) == 4
    assert {(a["novelty"]["kind"], a["novelty"]["times_seen"], a["novelty"]["principal_is_new"]) for a in again} == {
        ("first", 1, True)
    }
