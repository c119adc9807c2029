"""SIGTERM drains, commits and ends with 0 within 15 s, whatever else is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka_broker import create_topic
from pairs import alerts_sent, assert_each_pair_alerted_under_one_id, records
from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Broker, Names
    from registry_server import RegistryServer


def test_under_load(deployment: Deployment) -> None:
    """Ended in the middle of its work a worker commits what it did: the next one repeats nothing and loses nothing."""
    produced = list(records(4000, principals=100))
    deployment.produce(produced)
    for _ in range(2):
        with deployment.worker() as worker:
            wait_for(lambda: alerts_sent(worker), "alerts are sent")
            assert worker.terminate() == 0, worker.tail()
    assert not deployment.all_done()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)
    assert len(deployment.alerts()) + len(deployment.alerts("alerts.overflow")) == len(produced)


def test_while_the_registry_is_away(deployment: Deployment, registry: RegistryServer) -> None:
    """Ended while alerts wait for the registry, a worker commits nothing of them; the next one sends them."""
    registry.down = True
    produced = list(records(40))
    with deployment.worker(schema_registry_url=registry.url) as worker:
        worker.wait_until_ready()
        deployment.produce(produced)
        wait_for(lambda: "registry.unavailable" in worker.tail(), "alerts wait for the registry")
        assert worker.terminate() == 0, worker.tail()
    assert deployment.alerts() == []
    assert set(deployment.committed(f"{deployment.topic}.sightings").values()) <= {-1001, 0}
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)


def test_while_the_broker_is_away(own_broker: Broker, names: Names, tmp_path: Path) -> None:
    """Ended while no broker answers, before it was ever ready or while it works, a worker ends in time too."""
    create_topic(own_broker.bootstrap, names.source_topic, partitions=2)
    deployment = Deployment(own_broker.bootstrap, names, tmp_path)
    deployment.apply_topics()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce(records(3000, principals=100))
        own_broker.pause()
        assert worker.terminate() == 0, worker.tail()
    own_broker.stop()
    with deployment.worker("unready") as worker:
        wait_for(lambda: "broker.unreachable" in worker.tail(), "the worker waits for a broker")
        assert worker.terminate() == 0, worker.tail()


def test_while_the_table_is_recovered(deployment: Deployment) -> None:
    """Ended while it recovers its table, a worker ends in time, and the next one recovers all of it."""
    known = list(records(10_000, principals=200))
    taught = {"learn_until": "2027-01-01"}
    deployment.produce(known)
    with deployment.worker(**taught) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    with deployment.worker("empty") as worker:
        wait_for(lambda: worker.get("/readyz")[0] == 503, "the worker is up and not ready")
        assert worker.terminate() == 0, worker.tail()
        assert "worker.ready" not in worker.tail()
    deployment.produce([*known[::10], assume_root("arn:aws:iam::111111111111:user/new")])
    with deployment.worker("empty") as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert [alert["principal"]["arn"] for alert in deployment.alerts()] == ["arn:aws:iam::111111111111:user/new"]
