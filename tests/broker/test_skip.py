"""``worker --skip TOPIC:PARTITION:OFFSET`` leads past a record that stops every worker."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import TopicPartition
from pairs import pair_of, records
from worker_process import ROOTWATCH, Deployment, assume_root, pairs_of, wait_for

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

FAILING_WORKER = Path(__file__).parents[1] / "failing_worker.py"
CREDENTIALS = {"accessKeyId": "ASIA", "sessionToken": "FwoGZXIvYXdzPOISONED"}


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=1)
    made = Deployment(broker.bootstrap, names, tmp_path, {"log_format": "json", "partitions": "1"})
    made.apply_topics()
    return made


def logged(deployment: Deployment, worker: str, event: str) -> list[dict[str, Any]]:
    """The lines of a worker's log with this event."""
    lines = (deployment.folder / f"{worker}.log").read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry for entry in entries if entry["event"] == event]


def letters(deployment: Deployment) -> list[tuple[dict[str, bytes], bytes | None]]:
    return [(dict(one.headers()), one.value()) for one in deployment.read(f"{deployment.topic}.dead-letter")]


def failed_record(deployment: Deployment, name: str, command: list[str]) -> str:
    """Run a worker until a failure stops it; return the record that its log names."""
    with deployment.worker(name, command=command) as worker:
        assert worker.process.wait(120) == 1, worker.tail()
    (failed,) = logged(deployment, name, "worker.failed")
    record: str = failed["in_hand"]
    return record


def test_a_record_that_stops_the_worker_is_passed(deployment: Deployment) -> None:
    """The log names the record. Skipped, it becomes one dead letter without its token, and the others are handled.

    No part of the worker reads its value: even the filter keeps the record without looking for a mark.
    """
    source = deployment.names.source_topic
    before, after = list(records(5)), list(records(9))[5:]
    poison = assume_root(responseElements={"credentials": CREDENTIALS}, userAgent="POISON")
    deployment.produce([*before, poison, *after])
    record = failed_record(deployment, "stopped", [sys.executable, str(FAILING_WORKER), "sight", "POISON"])
    assert record == f"{source}:0:5"
    assert (
        failed_record(deployment, "stopped-in-filter", [sys.executable, str(FAILING_WORKER), "filter", "POISON"])
        == record
    )
    unmarked = f"{source}:0:{deployment.ends()[0]}"
    deployment.produce([b'{"POISON": "without any mark of the rule"}', *list(records(12))[9:]])

    failing = [sys.executable, str(FAILING_WORKER), "filter", "POISON", f"{record},{unmarked}"]
    with deployment.worker("skipping", command=failing) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert pairs_of(deployment.alerts()) == set(map(pair_of, records(12)))
    first, second = sorted(letters(deployment), key=lambda letter: int(letter[0]["offset"]))
    assert (first[0]["reason"], first[0]["offset"], first[0]["redacted"]) == (b"skipped", b"5", b"true")
    assert json.loads(first[1] or b"")["userAgent"] == "POISON"
    assert CREDENTIALS["sessionToken"].encode() not in (first[1] or b"")
    assert second[1] == b'{"POISON": "without any mark of the rule"}'
    assert [entry["reason"] for entry in logged(deployment, "skipping", "dead_letter")] == ["skipped", "skipped"]

    with deployment.worker("again", command=[str(ROOTWATCH), "worker", "--skip", record]) as worker:
        worker.wait_until_ready()
        (past,) = logged(deployment, "again", "skip.past")
        assert past["record"] == record
        assert "remove this --skip" in past["consequence"]
        assert worker.terminate() == 0
    assert len(letters(deployment)) == 2


def test_a_sighting_that_stops_the_worker_is_passed(deployment: Deployment) -> None:
    """A sighting of a newer version stops a worker, whose log names it; it can be skipped."""
    sightings = f"{deployment.topic}.sightings"
    deployment.produce([b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08body"], sightings)
    deployment.produce(records(3))
    record = failed_record(deployment, "stopped", [])
    assert record == f"{sightings}:0:0"
    with deployment.worker("skipping", command=[str(ROOTWATCH), "worker", "--skip", record]) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert pairs_of(deployment.alerts()) == set(map(pair_of, records(3)))
    [(headers, value)] = letters(deployment)
    assert (headers["reason"], headers["topic"], value) == (
        b"skipped",
        sightings.encode(),
        b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08body",
    )


def test_a_record_that_is_not_there_is_refused(deployment: Deployment) -> None:
    """An offset beyond the end, or a partition or topic that is not read, is wrong usage and named, exit 2."""
    source = deployment.names.source_topic
    deployment.produce(records(2))
    for place, said in (
        (f"{source}:0:2", "there is no such record yet, the partition ends at 2"),
        (f"{source}:3:0", "the topic has no partition 3; it has 0 to 0"),
        ("elsewhere:0:0", f"a worker does not read topic elsewhere; it reads {source}, {deployment.topic}.sightings"),
    ):
        refused = deployment.run("worker", "--skip", place)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr


def test_a_record_that_is_deleted_is_said(deployment: Deployment, broker: RunningBroker) -> None:
    """If retention has deleted the record, the worker logs that there is nothing to skip, and goes on."""
    source = deployment.names.source_topic
    deployment.produce(records(2))
    admin = broker.admin()  # kept until the result is there: a client without a reference gives up
    admin.delete_records([TopicPartition(source, 0, 2)])[TopicPartition(source, 0)].result(60)
    with deployment.worker("late", command=[str(ROOTWATCH), "worker", "--skip", f"{source}:0:1"]) as worker:
        worker.wait_until_ready()
        (past,) = logged(deployment, "late", "skip.past")
        assert (past["record"], past["next"]) == (f"{source}:0:1", 2)
        assert worker.terminate() == 0
    assert letters(deployment) == []
