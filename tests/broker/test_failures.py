"""A failure that waiting cannot fix stops the worker with exit 1, commits nothing past it and loses nothing (A2)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from pairs import alert_ids, assert_each_pair_alerted_under_one_id, records
from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from kafka_broker import RunningBroker

FAILING = str(Path(__file__).parents[1] / "failing_worker.py")


def finish(deployment: Deployment) -> None:
    """Run a worker until everything is done."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()


def limit_messages(broker: RunningBroker, topic: str, size: int) -> None:
    """Make the broker refuse larger messages."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    admin = broker.admin()
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(60)
    asked = ConfigResource(ResourceType.TOPIC, topic)

    def known() -> bool:
        return admin.describe_configs([asked])[asked].result(60)[entry.name].value == entry.value

    wait_for(known, "the broker knows its limit")


def test_unforeseen_exception(deployment: Deployment) -> None:
    """A2: an unexpected exception stops the worker with 1; the next worker starts at that sighting."""
    bad = assume_root(account="999999999999")
    produced = [*records(40), bad, *records(40, tag="later-")]
    with deployment.worker(command=(sys.executable, FAILING, "detect", "999999999999")) as worker:
        worker.wait_until_ready()
        deployment.produce(produced)
        assert worker.process.wait(120) == 1
        assert "nobody foresaw this" in worker.tail()
    ids = alert_ids(deployment)
    assert not any(account == "999999999999" for _, account in ids)
    finish(deployment)
    assert_each_pair_alerted_under_one_id(deployment, produced)


def test_disk_full(deployment: Deployment) -> None:
    """A2: if RocksDB cannot write, the worker says so and stops with 1. Once there is room again, nothing is lost."""
    produced = list(records(4000, principals=100))
    taught = {"learn_until": "2027-01-01"}
    deployment.produce(produced)
    with deployment.worker(command=(sys.executable, FAILING, "disk", str(96 * 1024)), **taught) as worker:
        assert worker.process.wait(120) == 1, worker.tail()
        assert "File too large" in worker.tail()
    with deployment.worker(**taught) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()


@pytest.mark.parametrize("refused", ["sightings", "alerts"])
def test_produce_refused(deployment: Deployment, broker: RunningBroker, refused: str) -> None:
    """A2: a record that the broker refuses stops the worker with 1. Once the topic is fixed, nothing is lost."""
    topic = f"{deployment.topic}.{refused}"
    limit_messages(broker, topic, 200)
    produced = list(records(20))
    deployment.produce([*produced, {"wrapped": assume_root()}])
    with deployment.worker() as worker:
        assert worker.process.wait(120) == 1, worker.tail()
        (failed,) = [line for line in worker.log.read_text().splitlines() if "worker.failed" in line]
        assert f"topic {topic}: Write: " in failed
        assert "MessageSizeTooLarge" in failed
        assert "Traceback" not in worker.log.read_text()
    deployment.apply_topics()
    finish(deployment)
    assert_each_pair_alerted_under_one_id(deployment, produced)
    assert len(deployment.read(f"{deployment.topic}.dead-letter")) >= 1


def test_alert_topic_deleted(deployment: Deployment, broker: RunningBroker) -> None:
    """A2: alerts for a deleted topic wait uncommitted; once the topic exists again, the worker goes on."""
    topic = f"{deployment.topic}.alerts"
    produced = list(records(40))
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce(produced[:20])
        wait_for(deployment.all_done, "all offsets are committed")
        admin = broker.admin()
        admin.delete_topics([topic])[topic].result(60)
        deployment.produce(produced[20:])
        wait_for(lambda: f"Topic {topic} not found" in worker.tail(), "the worker names the missing topic")
        assert not deployment.all_done()
        deployment.apply_topics()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced[20:])
