"""A deleted source topic came back within seconds if the cluster creates topics on demand.

aiokafka's metadata requests created it, with one partition and the cluster's retention, and nothing reported that it
had been deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka_broker import Broker, RunningBroker, running
from worker_process import Deployment, accounts, assume_root, pairs_of, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names

ALICE = "arn:aws:iam::111111111111:user/alice"


def test_it_stays_deleted(names: Names, tmp_path: Path) -> None:
    """A deleted topic stays deleted; the worker names it and reads the others. Once it is created again, it is read."""
    properties = {"auto.create.topics.enable": "true"}
    kept, deleted = names.source_topic, f"{names.source_topic}-deleted"
    first, second, third, fourth = accounts(4)
    with running(Broker(tmp_path / "kafka", properties=properties, heap="512m")) as own:
        broker = RunningBroker(own.bootstrap)
        for topic in (kept, deleted):
            broker.create_topic(topic, 2)
        deployment = Deployment(own.bootstrap, names, tmp_path, {"source_topics": f"{kept},{deleted}"})
        deployment.apply_topics()
        admin = broker.admin()

        def is_there() -> bool:
            return deleted in admin.list_topics(timeout=60).topics

        with deployment.worker() as worker:
            worker.wait_until_ready()
            deployment.produce([assume_root(ALICE, first)], deleted)
            wait_for(lambda: pairs_of(deployment.alerts()) == {(ALICE, first)}, "an alert from it")
            deployment.produce([assume_root(ALICE, second)] * 50, deleted)
            admin.delete_topics([deleted])[deleted].result(60)
            wait_for(lambda: "topic.missing" in worker.tail(), "the worker names it")
            gauge = f'rootwatch_topic_missing{{topic="{deleted}"}}'
            assert f"{gauge} 1.0" in worker.get("/metrics")[1].decode()
            deployment.produce([assume_root(ALICE, third)])
            wait_for(lambda: (ALICE, third) in pairs_of(deployment.alerts()), "an alert from the other topic")
            wait_for(deployment.all_done, "the other topic is committed")
            for command in (["doctor"], ["topics", "check"], ["alerts"], ["backtest", "--topic", deleted]):
                deployment.run(*command)
            asked = "not found in cluster metadata"  # logged once per ten seconds
            wait_for(lambda: worker.log.read_text().count(asked) >= 2, "metadata was asked for several times")
            assert not is_there()

            broker.create_topic(deleted, 2)
            deployment.produce([assume_root(ALICE, fourth)], deleted)
            wait_for(lambda: (ALICE, fourth) in pairs_of(deployment.alerts()), "an alert from the topic that is back")
            wait_for(lambda: f"{gauge} 0.0" in worker.get("/metrics")[1].decode(), "it is not missing any more")
            assert worker.terminate() == 0, worker.tail()
