"""The least rights of a worker, on a broker that enforces them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from kafka_broker import Broker, Names, running
from worker_process import Deployment, assume_root, wait_for

from streams.settings import Settings
from streams.worker.rights import Right, worker_rights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_broker import RunningBroker

USER = "rootwatch"
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker whose plaintext listener may do all, and whose other one asks who is there and what they may."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    broker = Broker(
        tmp_path / "kafka",
        listeners={"SASL": "SASL_PLAINTEXT"},
        properties={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{module} required;",
        },
        format_options=[f"--add-scram=SCRAM-SHA-512=[name={USER},password=secret]"],
        heap="512m",
    )
    with running(broker):
        yield broker


def resource(right: Right) -> tuple[ResourceType, str, ResourcePatternType]:
    """What a right is about, as the admin client says it."""
    return _KINDS[right.kind], right.name, ResourcePatternType.LITERAL


def test_the_documented_rights_are_enough(guarded: Broker, names: Names, tmp_path: Path) -> None:
    """Without rights doctor names each that lacks; with those of the list and no others a worker does all its work."""
    admin = AdminClient({"bootstrap.servers": guarded.bootstrap})
    admin.create_topics([NewTopic(names.source_topic, 1, 1)])[names.source_topic].result(30)
    owner = Deployment(guarded.bootstrap, names, tmp_path)
    owner.apply_topics()
    (tmp_path / "password").write_text("secret\n")
    secured = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password_file": str(tmp_path / "password"),
    }
    limited = Deployment(guarded.address("SASL"), names, tmp_path, secured)
    rights = worker_rights(
        Settings(source_topics=names.source_topic, topic_prefix=names.topic_prefix, group_id=names.group_id)
    )

    said = limited.run("doctor")
    assert said.returncode == 1, said.stderr
    for right in rights:
        assert f"wrong\trights: {right} is not allowed" in said.stdout

    for binding in [
        AclBinding(*resource(right), f"User:{USER}", "*", _OPERATIONS[name], AclPermissionType.ALLOW)
        for right in rights
        for name in right.operations
    ]:
        admin.create_acls([binding])[binding].result(30)
    # A record in the source, from the owner, so that there is a time to compare the clock with.
    owner.produce([b"{}"])
    wait_for(lambda: limited.run("doctor").returncode == 0, "the broker knows of the rights")

    with limited.worker() as worker:
        worker.wait_until_ready()
        owner.produce([assume_root(), b"{cut AssumeRoot", *(assume_root(account=f"{n:012d}") for n in range(101))])
        wait_for(owner.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert len(owner.alerts()) == 100
    assert len(owner.alerts("alerts.overflow")) == 2
    assert len(owner.read(f"{owner.topic}.dead-letter")) == 1


def test_a_source_ahead_of_this_clock_is_found(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """Records stamped in the future tell of clocks that disagree: doctor says by how much."""
    broker.create_topic(names.source_topic, 1)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(names.source_topic, b"{}", timestamp=int((time.time() + 600) * 1000))
    assert producer.flush(30) == 0
    said = deployment.run("doctor")
    (line,) = [line for line in said.stdout.splitlines() if "\tclock: " in line]
    assert line.startswith("wrong\tclock: the newest source record is 5")
    assert "NTP" in line
