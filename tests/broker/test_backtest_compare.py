"""``rootwatch backtest --compare`` on the real broker: live alerts are read in either wire format and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest
from confluent_kafka import Producer
from replay_records import Ran, lines, record, run
from sightings import RULES, History

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.pipeline import ExtractSettings
from streams.wire import alert as codec

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

RECORDS = [record(f"2026-01-0{day}T00:00:00Z", account=f"{day:012d}", eventID=f"e{day}") for day in range(1, 6)]


class Compared(Protocol):
    """Runs the command over the records, compared with a topic."""

    def __call__(self, topic: str) -> Ran:
        """Run it."""


@pytest.fixture
def compared(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    tmp_path: Path,
) -> Compared:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    (tmp_path / "in.jsonl").write_text(lines(*RECORDS))
    return lambda topic: run(capsysbinary, monkeypatch, "backtest", "in.jsonl", "--compare", topic)


def _live_alerts() -> list[dict[str, Any]]:
    reader = Reader(ReadSettings(RULES, ExtractSettings(), thorough=True))
    reader.lines(lines(*RECORDS).encode(), "in.jsonl", 1)
    decisions = History().take_all(reader.sightings)
    return [decision.alert.fields(1) for decision in decisions if decision.alert is not None]


def _produce(broker: RunningBroker, topic: str, alerts: list[dict[str, Any]]) -> str:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for alert in alerts:
        producer.produce(topic, codec.encode(alert), alert["alert_id"])
    assert producer.flush(60) == 0
    return topic


def test_equal_runs_exit_0(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """P7: if the replay and the live run agree, --compare says so and exits 0."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 2)
    ran = compared(_produce(broker, topic, _live_alerts() * 2))
    assert (ran.code, len(ran.alerts)) == (0, 5)
    assert f"compare      {topic}: 5 in both, 0 only in the replay, 0 only live\n" in ran.err


def test_differences_are_listed_and_exit_1(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """P7: what only one side has is listed on stderr with its reason, exit 1; the alerts are still printed."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 2)
    overflow = broker.create_topic(f"{names.topic_prefix}.alerts.overflow", 1)
    alerts = _live_alerts()
    foreign = {**alerts[1], "alert_id": "foreign", "event": {**alerts[1]["event"], "id": "unread"}}
    _produce(broker, topic, [*alerts[:4], foreign])
    _produce(broker, overflow, alerts[4:])
    ran = compared(topic)
    assert (ran.code, len(ran.alerts)) == (1, 5)
    assert f"compare      {topic}: 4 in both, 1 only in the replay, 1 only live\n" in ran.err
    assert "(event e5" in ran.err
    assert "cap: live it went to the overflow topic" in ran.err
    assert "(event unread, alert foreign): its record is not in what was replayed" in ran.err


def test_missing_topic_is_named(compared: Compared, names: Names) -> None:
    """A missing topic is named, exit 1, and nothing is printed."""
    ran = compared(f"{names.topic_prefix}.alerts")
    assert (ran.code, ran.out) == (1, b"")
    assert f"topic {names.topic_prefix}.alerts: there is no such topic" in ran.err


def test_value_that_is_no_alert_is_named(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """A topic that holds something else is named with the position."""
    topic = broker.create_topic(names.source_topic, 1)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, b"{}")
    assert producer.flush(60) == 0
    ran = compared(topic)
    assert (ran.code, ran.out) == (1, b"")
    assert f"{topic}[0]:0: " in ran.err
