"""If retention deletes records before a worker reads them, the worker reports that and reads the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition
from worker_process import Deployment, accounts, assume_root, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker


def test_records_deleted_unread_are_reported_and_the_rest_is_read(
    broker: RunningBroker, names: Names, tmp_path: Path
) -> None:
    """A worker that returns after its offset was deleted logs it, counts it, and goes on with the remaining records."""
    topic = broker.create_topic(names.source_topic, 1)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    deployment.apply_topics()
    first, lost, left = accounts(3)
    deployment.produce([assume_root(account=first)])
    with deployment.worker() as worker:
        wait_for(deployment.all_done, "the first record is done")
        assert worker.terminate() == 0
    deployment.produce([assume_root(account=lost), assume_root(account=left)])
    admin = broker.admin()
    admin.delete_records([TopicPartition(topic, 0, 2)])[TopicPartition(topic, 0)].result(60)
    with deployment.worker() as worker:
        wait_for(deployment.all_done, "what is left is done")
        lines = [line for line in worker.log.read_text().splitlines() if "offset.gone" in line]
        _, text = worker.get("/metrics")
    assert len(lines) == 1, lines
    assert all(part in lines[0] for part in (f"topic={topic}", "partition=0", "offset=1"))
    assert f'rootwatch_offset_resets_total{{topic="{topic}"}} 1.0'.encode() in text
    # Alert ids, and so the partitions of the alerts, differ in each run.
    assert {alert["member_account"]["id"] for alert in deployment.alerts()} == {first, left}
