"""The broker fixtures, which the other tests here rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer
from kafka_broker import Broker, create_topic, running
from maven import JavaToolError

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker


def test_a_broker_keeps_address_and_records_over_a_restart(own_broker: Broker) -> None:
    """A broker that was stopped and started has the same address and the records that it had acknowledged."""
    producer = Producer({"bootstrap.servers": own_broker.bootstrap, "acks": "all"})
    create_topic(own_broker.bootstrap, "t", 1)
    producer.produce("t", b"kept")
    assert producer.flush(60) == 0
    own_broker.stop()
    own_broker.start()
    assert _first_value(own_broker.bootstrap, "t") == b"kept"


def test_topics_are_not_made_by_use(broker: RunningBroker, names: Names) -> None:
    """The broker creates no topic on demand, so that a missing topic is missing as in production."""
    broker.admin().list_topics(names.source_topic, timeout=60)
    assert names.source_topic not in broker.admin().list_topics(timeout=60).topics
    broker.create_topic(names.source_topic, 3, retention_ms="-1")
    assert len(broker.admin().list_topics(timeout=60).topics[names.source_topic].partitions) == 3


@pytest.mark.parametrize("missing", ["java", "mvn"])
def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Java or Maven the error says what to install; nothing is skipped."""
    (tmp_path / "pom.xml").write_text("<project/>")
    monkeypatch.setattr("kafka_broker.KAFKA_FOLDER", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None if name == missing else f"/usr/bin/{name}")
    with pytest.raises(JavaToolError, match=r"is not installed.*apt install"), running(Broker(tmp_path / "kafka")):
        pass


def _first_value(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(60)
        return message.value() if message else None
    finally:
        consumer.close()
