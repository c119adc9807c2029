"""``rootwatch backtest --topic --sessions`` on the real broker: the span is of Kafka timestamps, for actions too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import replay_records
from confluent_kafka import Producer
from root_sessions import GRANTED_AT, KEY, MINUTE, SECOND, record

from streams.extraction.event_time import format_time

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from kafka_broker import Names, RunningBroker


def messages() -> list[dict[str, Any]]:
    """A grant and three actions of its session."""
    grant = replay_records.record(
        format_time(GRANTED_AT), responseElements={"credentials": {"accessKeyId": KEY, "sessionToken": "secret"}}
    )
    times = [GRANTED_AT + place * MINUTE for place in (1, 2, 3)]
    return [grant, *(record(time, eventName="ListBuckets", eventID=f"event-{time}") for time in times)]


def test_sessions_of_a_topic(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    names: Names,
    tmp_path: Path,
) -> None:
    """S14: grants and actions of all partitions join, and a span of Kafka timestamps bounds both alike."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("streams.backtest.sources.topic.SMALL_TOPIC", 0)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    topic = broker.create_topic(names.source_topic, 3)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    delivered = GRANTED_AT + 10 * MINUTE
    for place, message in enumerate(reversed(messages())):
        producer.produce(topic, json.dumps(message).encode(), partition=place % 3, timestamp=delivered + place * SECOND)
    assert producer.flush(60) == 0

    def sessions(*options: Any) -> list[str]:
        out = tmp_path / "out.jsonl"
        arguments = ("backtest", "--topic", topic, "--sessions", out, *options)
        assert replay_records.run(capsysbinary, monkeypatch, *arguments).code == 0
        return [next(iter(json.loads(line))) for line in out.read_bytes().splitlines()]

    assert sessions() == ["activity"] * 3 + ["summary"]
    assert sessions("--processes", "2", "--thorough") == ["activity"] * 3 + ["summary"]
    assert sessions("--from", format_time(delivered + SECOND)) == ["activity"] * 2 + ["summary"]
    assert sessions("--to", format_time(delivered + 3 * SECOND)) == []
