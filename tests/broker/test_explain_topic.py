"""``rootwatch explain --topic`` on the real broker: it answers for one record, or says what is at its offset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from replay_records import ACCOUNT, ALICE, Ran, record, run
from sightings import RULES, History

from streams import pipeline
from streams.extraction.sighting import Origin
from streams.pipeline import ExtractSettings
from streams.wire import alert
from streams.wire import sighting as codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

NEW_YEAR = 1_767_225_600_000  # of 2026
VALUE = json.dumps(record("2026-01-01T00:00:00Z")).encode()


class Explain(Protocol):
    """Runs ``rootwatch explain`` on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def explain(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, broker: RunningBroker, tmp_path: Path
) -> Explain:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    return lambda *arguments: run(capsysbinary, monkeypatch, "explain", *arguments)


@pytest.fixture
def topic(broker: RunningBroker, names: Names) -> str:
    return broker.create_topic(names.source_topic, 2)


def write(broker: RunningBroker, topic: str, *values: bytes | None, timestamp: int = NEW_YEAR) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for value in values:
        producer.produce(topic, value, partition=1, timestamp=timestamp)
    assert producer.flush(60) == 0


def test_the_answer_of_a_file(explain: Explain, broker: RunningBroker, topic: str, tmp_path: Path) -> None:
    """Each --offset, repeated or listed, gives the line that its value gives as a file, in the order asked for."""
    write(broker, topic, b"{}", VALUE, None)
    (tmp_path / "m.json").write_bytes(VALUE)
    (of_the_file,) = explain("m.json").alerts
    ran = explain("--topic", topic, "--offset", "1:1,1:0", "--offset", "1:2")
    assert (ran.code, ran.err) == (0, "")
    assert ran.alerts[0] == {**of_the_file, "source": f"{topic}:1:1"}
    assert [(line["source"], line["outcome"]) for line in ran.alerts[1:]] == [
        (f"{topic}:1:0", "malformed"),
        (f"{topic}:1:2", "no-match"),
    ]


def test_the_clock_of_kafka(
    explain: Explain, broker: RunningBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T5, M4: an event time after the Kafka timestamp is judged as a worker judges it, by either clock."""
    write(broker, topic, VALUE, timestamp=NEW_YEAR - 2 * 86_400_000)
    (line,) = explain("--topic", topic, "--offset", "1:0").alerts
    assert line["outcome"] == "incomplete"
    monkeypatch.setenv("ROOTWATCH_CLOCK", "record")
    (line,) = explain("--topic", topic, "--offset", "1:0").alerts
    assert line["outcome"] == "match"


def test_offsets_that_do_not_exist(explain: Explain, broker: RunningBroker, topic: str) -> None:
    """A missing partition or offset is named with what is there instead, exit 1; the other positions are explained."""
    write(broker, topic, VALUE, VALUE, VALUE)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 1, 1)]).values():
        future.result(60)
    ran = explain("--topic", topic, "--offset", "1:0,7:0,1:2,1:3,0:5")
    assert ran.code == 1
    assert [line["source"] for line in ran.alerts] == [f"{topic}:1:2"]
    assert ran.err.splitlines() == [
        f"rootwatch: topic {topic}, partition {where}"
        for where in (
            "1, offset 0: the record is already deleted; the partition holds offsets 1 to 2",
            "7, offset 0: the topic has no partition 7; it has 0 to 1",
            "1, offset 3: nothing is written there yet; the partition holds offsets 1 to 2, the next offset is 3",
            "0, offset 5: nothing is written there yet; the partition is empty, the next offset is 0",
        )
    ]


def test_transactions(explain: Explain, broker: RunningBroker, topic: str) -> None:
    """Uncommitted records are explained, with a line that workers do not read them; a transaction's end is named."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    ends: tuple[Callable[[float], None], ...] = (producer.commit_transaction, producer.abort_transaction)
    for end in (*ends, None):
        producer.begin_transaction()
        producer.produce(topic, VALUE, partition=1, timestamp=NEW_YEAR)
        assert producer.flush(60) == 0
        if end is not None:
            end(60)
    ran = explain("--topic", topic, "--offset", "1:0,1:1,1:2,1:3,1:4")
    producer.abort_transaction(60)
    assert ran.code == 1
    assert [(line["source"], line["outcome"]) for line in ran.alerts] == [
        (f"{topic}:1:{offset}", "match") for offset in (0, 2, 4)
    ]
    ended = "no record has this offset: a transaction ended here, or compaction took it"
    unread = "workers do not read it: its transaction was aborted, or has not ended"
    assert ran.err.splitlines() == [
        f"rootwatch: topic {topic}, partition 1, offset 1: {ended}; the next record is at offset 2",
        f"rootwatch: {topic}:1:2: {unread}",
        f"rootwatch: topic {topic}, partition 1, offset 3: {ended}; the next record is at offset 4",
        f"rootwatch: {topic}:1:4: {unread}",
    ]
    (end,) = explain("--topic", topic, "--offset", "1:5").err.splitlines()
    assert end == f"rootwatch: topic {topic}, partition 1, offset 5: {ended}; no record follows"


def test_sightings_and_alerts_lead_to_their_message(explain: Explain, broker: RunningBroker, topic: str) -> None:
    """For a sighting or an alert, the answer names the command that explains the message that it came from."""
    origin = Origin("cloudtrail", 2, 1234, NEW_YEAR)
    (sighting,) = pipeline.sight(VALUE, RULES, ExtractSettings(), origin).sightings
    assert (sighting.principal, sighting.member_account) == (ALICE, ACCOUNT)
    (decision,) = History().take_all([sighting])
    assert decision.alert is not None
    write(broker, topic, codec.encode(sighting), alert.encode(decision.alert.fields(1)))
    ran = explain("--topic", topic, "--offset", "1:0,1:1")
    assert (ran.code, ran.alerts[0]["outcome"], ran.alerts[0]["sightings"]) == (0, "malformed", [])
    assert [line["reason"] for line in ran.alerts] == [
        f"no CloudTrail but {kind}, which rootwatch wrote; explain its message: "
        "rootwatch explain --topic cloudtrail --offset 2:1234"
        for kind in ("a sighting", "an alert")
    ]


def test_a_missing_topic(explain: Explain, names: Names) -> None:
    """A missing topic is named, exit 1."""
    ran = explain("--topic", names.source_topic, "--offset", "0:0")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err == f"rootwatch: topic {names.source_topic}: there is no such topic\n"
