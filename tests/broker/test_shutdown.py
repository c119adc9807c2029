"""After SIGTERM a worker finishes, commits and ends with 0 in any state, at its deadline at the latest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kafka_broker import create_topic
from pairs import assert_each_pair_alerted_under_one_id, records
from worker_process import Deployment, assume_root, wait_for

from streams.worker.app import STOP_SECONDS
from streams.worker.delivery import MOST_MESSAGES

if TYPE_CHECKING:
    from kafka_broker import Broker, Names
    from registry_server import RegistryServer
    from worker_process import Worker

HOLDING = str(Path(__file__).parents[1] / "holding_worker.py")
PROMISED_SECONDS = 15


def holding(where: str) -> tuple[str, ...]:
    """The command of a worker that holds there until it gets SIGTERM."""
    return (sys.executable, HOLDING, where)


def held(worker: Worker) -> None:
    """Wait until it holds."""
    wait_for(lambda: "held: " in worker.log.read_text(), "the worker holds in the middle of its work")


def test_in_the_middle_of_its_work(deployment: Deployment) -> None:
    """A worker that is ended with a batch in hand finishes and commits it: the next one repeats and loses nothing."""
    # No worker is killed, and a pause of this machine must repeat nothing.
    deployment.settings["session_timeout"] = "60s"
    produced = list(records(6 * MOST_MESSAGES, principals=100))
    deployment.produce(produced)
    for name in ("first", "second"):
        with deployment.worker(name, command=holding("batch")) as worker:
            held(worker)
            assert worker.terminate() == 0, worker.tail()
    assert not deployment.all_done()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)
    assert len(deployment.alerts()) + len(deployment.alerts("alerts.overflow")) == len(produced)


def test_stuck_in_its_work(deployment: Deployment) -> None:
    """A worker that is stuck ends at its deadline with 0, before an orchestrator would kill it."""
    assert STOP_SECONDS < PROMISED_SECONDS
    deployment.produce(records(40))
    with deployment.worker(command=holding("stuck")) as worker:
        held(worker)
        assert worker.terminate() == 0, worker.tail()
        assert "worker.unfinished" in worker.tail()


def test_while_the_registry_is_away(deployment: Deployment, registry: RegistryServer) -> None:
    """A worker that is ended while alerts wait for the registry commits none of them; the next one sends them."""
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
    """A worker ends even if no broker answers, before it is ready or while it works."""
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
    """A worker ends during the recovery of its table, and the next one recovers all of it."""
    known = list(records(1000, principals=200))
    deployment.produce(known)
    with deployment.worker(learn_until="2027-01-01") as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    with deployment.worker("empty", command=holding("recovery")) as worker:
        held(worker)
        assert worker.get("/readyz")[0] == 503
        assert worker.terminate() == 0, worker.tail()
        assert "worker.ready" not in worker.log.read_text()
    deployment.produce([*known[::10], assume_root("arn:aws:iam::111111111111:user/new")])
    with deployment.worker("empty") as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert [alert["principal"]["arn"] for alert in deployment.alerts()] == ["arn:aws:iam::111111111111:user/new"]
