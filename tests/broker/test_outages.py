"""During an outage of broker or registry a worker waits, loses nothing and goes on without a restart (A2)."""

from __future__ import annotations

import json
import logging
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from kafka_broker import create_topic
from pairs import assert_each_pair_alerted_under_one_id, pair_of, records
from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Broker, Names
    from registry_server import RegistryServer
    from worker_process import Worker


def stays_for(worker: Worker, seconds: float) -> None:
    """Let time pass, during which the worker must not end."""
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(seconds)
    assert worker.process.poll() is None, worker.tail()


def test_broker_is_away(own_broker: Broker, names: Names, tmp_path: Path) -> None:
    """A2: a broker that is down at the start and again during the work costs only time.

    So does a broker that is shut down, and then frozen, under load.
    """
    create_topic(own_broker.bootstrap, names.source_topic, partitions=3)
    deployment = Deployment(own_broker.bootstrap, names, tmp_path)
    deployment.apply_topics()
    produced = list(records(9000, principals=100))
    quiet = logging.getLogger("outage")
    quiet.disabled = True  # the producer's refused connections are expected
    producer = Producer({"bootstrap.servers": own_broker.bootstrap, "linger.ms": 5}, logger=quiet)

    def produce(first: int, last: int) -> None:
        for record in produced[first:last]:
            producer.produce(names.source_topic, json.dumps(record).encode())

    own_broker.stop()
    with deployment.worker() as worker:
        wait_for(lambda: "broker.unreachable" in worker.tail(), "the worker says that no broker is there")
        own_broker.start()
        wait_for(lambda: "http.listening" in worker.tail(), "the worker has checked what it needs, and starts")
        own_broker.kill()
        own_broker.start()
        worker.wait_until_ready()
        for first, away, seconds, back in (
            (0, own_broker.stop, 20, own_broker.start),
            (4000, own_broker.pause, 10, own_broker.resume),
        ):
            produce(first, first + 2000)
            assert producer.flush(60) == 0
            away()
            produce(first + 2000, first + 4000)
            stays_for(worker, seconds)
            back()
        produce(8000, 9000)
        assert producer.flush(60) == 0
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)


def read_with_registry(deployment: Deployment, url: str) -> list[dict[str, Any]]:
    """The alerts as confluent-kafka's deserializer reads them, with the registry only."""
    topic = f"{deployment.topic}.alerts"
    with SchemaRegistryClient({"url": url}) as client:
        decode = AvroDeserializer(client)
        context = SerializationContext(topic, MessageField.VALUE)
        return [decode(message.value(), context) for message in deployment.read(topic)]


def pairs_read(alerts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The pairs that alerts are about, in order."""
    return sorted((alert["principal"]["arn"], alert["member_account"]["id"]) for alert in alerts)


def test_registry_is_away_and_refuses(deployment: Deployment, registry: RegistryServer) -> None:
    """Alerts wait uncommitted for a registry that does not answer; a refusal ends the worker with 1 and one error."""
    deployment.settings["schema_registry_url"] = registry.url
    sightings = f"{deployment.topic}.sightings"
    produced = list(records(30))
    registry.down = True
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce(produced)
        wait_for(lambda: "registry.unavailable" in worker.tail(), "the worker says that alerts wait")
        assert set(deployment.committed(sightings).values()) <= {-1001, 0}
        assert deployment.read(f"{deployment.topic}.alerts") == []
        registry.down = False
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert pairs_read(read_with_registry(deployment, registry.url)) == sorted(map(pair_of, produced))

    late = assume_root(account="999999999999")
    registry.auth = "somebody:else"
    deployment.produce([late])
    with deployment.worker() as worker:
        assert worker.process.wait(120) == 1, worker.tail()
        log = worker.log.read_text()
        (failed,) = [line for line in log.splitlines() if "worker.failed" in line]
        assert "schema registry refuses" in failed
        assert "401" in failed
        assert "Traceback" not in log
    assert not deployment.all_done()

    registry.auth = None
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert pairs_read(read_with_registry(deployment, registry.url)) == sorted(map(pair_of, [*produced, late]))
