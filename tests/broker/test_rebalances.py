"""When workers come and go under load, nothing is lost or alerts again, and the memory moves with its partitions."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from pairs import alert_ids, alerts_sent, assert_each_pair_alerted_under_one_id, records
from worker_process import SOON_MISSED, Deployment, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=3)
    made = Deployment(broker.bootstrap, names, tmp_path, {"standby_replicas": "1", **SOON_MISSED})
    made.apply_topics()
    return made


def test_workers_come_and_go(deployment: Deployment) -> None:
    """A2, M5, M9: when workers join, end and are killed in batches, each pair alerts under one id, and then is known.

    The last worker was the standby of the killed one: it takes over and forgets nothing.
    """
    produced = list(records(6000, principals=100))
    with ExitStack() as running:
        first = running.enter_context(deployment.worker("first"))
        first.wait_until_ready()
        deployment.produce(produced[:2000])
        wait_for(lambda: alerts_sent(first), "the first worker is at work")
        second = running.enter_context(deployment.worker("second"))
        second.wait_until_ready()
        deployment.produce(produced[2000:4000])
        assert first.terminate() == 0, first.tail()
        wait_for(deployment.all_done, "all offsets are committed")

        first = running.enter_context(deployment.worker("first"))
        first.wait_until_ready()
        second.wait_until_ready()
        deployment.produce(produced[4000:])
        second.kill()
        wait_for(deployment.all_done, "all offsets are committed")
        assert_each_pair_alerted_under_one_id(deployment, produced)

        before = alert_ids(deployment)
        deployment.produce(records(6000, principals=100, time="2026-03-01T10:05:00Z"))
        wait_for(deployment.all_done, "all offsets are committed")
        assert first.terminate() == 0, first.tail()
    assert alert_ids(deployment) == before
