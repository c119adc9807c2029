"""``rootwatch warm-up`` on the real broker seeds what a worker would have learned, which only teaches."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, Producer, TopicPartition
from ocsf_events import ocsf
from replay_records import ALICE, Ran, lines, record, run
from security_lake import parquet

from streams.wire import sighting as codec
from streams.wire.sighting import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from confluent_kafka import Message
    from kafka_broker import Names, RunningBroker

PARTITIONS = 4
SEEDED = sum(day % 12 + 1 for day in range(1, 29))
ROLES = [f"arn:aws:sts::111111111111:assumed-role/R/{number}" for number in range(12)]


class Rootwatch(Protocol):
    """Runs a command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def rootwatch(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    names: Names,
    tmp_path: Path,
) -> Rootwatch:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    monkeypatch.setenv("ROOTWATCH_TOPIC_PREFIX", names.topic_prefix)
    return lambda *arguments: run(capsysbinary, monkeypatch, *arguments)


def _all(broker: RunningBroker, topic: str) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    messages: list[Message] = []
    ended = 0
    while ended < PARTITIONS:
        message = consumer.poll(30)
        assert message is not None
        if message.error() is None:
            messages.append(message)
        else:
            ended += 1
    consumer.close()
    return messages


def _archive(folder: Path) -> Path:
    records = [record(f"2026-01-{day:02d}T00:00:00Z", role) for day in range(1, 29) for role in ROLES[: day % 12 + 1]]
    folder.mkdir()
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines(*records[::4]).encode()))
    (folder / "c.gz.parquet").write_bytes(parquet(map(ocsf, records[2::4])))
    (folder / "b.json").write_text(json.dumps({"Records": records[1::2]}))
    return folder


def test_seeds_teach_only_and_lie_where_faust_puts_them(
    rootwatch: Rootwatch, broker: RunningBroker, names: Names, tmp_path: Path
) -> None:
    """M6: every sighting of the archive is sent once, marked as teaching, with the principal as key, by murmur2."""
    topic = broker.create_topic(f"{names.topic_prefix}.sightings", PARTITIONS)
    ran = rootwatch("warm-up", _archive(tmp_path / "archive"))
    assert (ran.code, ran.out) == (0, b"")
    messages = _all(broker, topic)
    assert f"seeded       {len(messages):,} sightings to {topic}\n" in ran.err
    seeded = [codec.decode(message.value()) for message in messages]
    assert len({(sighting.event.id, sighting.member_account) for sighting in seeded}) == len(seeded) == SEEDED
    assert all(sighting.teaching for sighting in seeded)
    for message, sighting in zip(messages, seeded, strict=True):
        assert message.key() == key_of(sighting)
        assert message.partition() == (murmur2(message.key()) & 0x7FFFFFFF) % PARTITIONS
    assert b"secret-token" not in b"".join(message.value() for message in messages)


def test_what_is_seeded_is_known_and_seeding_again_changes_nothing(
    rootwatch: Rootwatch, broker: RunningBroker, names: Names, tmp_path: Path
) -> None:
    """M6: after one or two warm-ups no seeded pair alerts, but a new pair does."""
    topic = broker.create_topic(f"{names.topic_prefix}.sightings", PARTITIONS)
    archive = _archive(tmp_path / "archive")
    for times in (1, 2):
        assert rootwatch("warm-up", archive).code == 0
        ran = rootwatch("backtest", "--topic", topic)
        assert (ran.code, ran.alerts) == (0, [])
        assert f"learned      {SEEDED * times}\n" in ran.err


def test_sightings_of_a_topic_keep_their_origin(rootwatch: Rootwatch, broker: RunningBroker, names: Names) -> None:
    """A warm-up from the source topic keeps the origin of each sighting, like the worker."""
    topic = broker.create_topic(f"{names.topic_prefix}.sightings", PARTITIONS)
    source = broker.create_topic(names.source_topic, 1)
    value = json.dumps(record("2026-01-01T00:00:00Z", ALICE)).encode()
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(source, value, timestamp=1_767_225_600_000)
    assert producer.flush(60) == 0
    assert rootwatch("warm-up", "--topic", source).code == 0
    (sighting,) = [codec.decode(message.value()) for message in _all(broker, topic)]
    assert sighting.origin is not None
    assert (sighting.origin.topic, sighting.origin.offset) == (source, 0)


def test_missing_topic_is_named_before_anything_is_read(rootwatch: Rootwatch, names: Names, tmp_path: Path) -> None:
    """Without the sightings topic a warm-up is exit 1, and names the command that creates the topic."""
    ran = rootwatch("warm-up", _archive(tmp_path / "archive"))
    assert ran.code == 1
    assert f"topic {names.topic_prefix}.sightings: there is no such topic; `rootwatch topics apply` makes it" in ran.err


def test_sightings_topic_is_no_source_of_its_own(rootwatch: Rootwatch, names: Names) -> None:
    """A warm-up from the sightings topic, which would double it, is exit 2."""
    ran = rootwatch("warm-up", "--topic", f"{names.topic_prefix}.sightings")
    assert ran.code == 2
    assert f"{names.topic_prefix}.sightings" in ran.err
