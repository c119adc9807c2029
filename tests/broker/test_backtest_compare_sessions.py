"""``rootwatch backtest --compare --sessions`` on the real broker: activity and last summaries are compared (S14)."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest
import replay_records
from confluent_kafka import Producer
from replay_records import Ran, run
from root_sessions import ADDRESS, GRANTED_AT, HOUR, KEY, MEMBER, MINUTE, Followed, granted, record, taken

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.detection.dict_memory import DictMemory
from streams.extraction.event_time import format_time
from streams.pipeline import ExtractSettings, detect, view_of
from streams.sessions.action import Action
from streams.settings import Settings
from streams.wire import alert as alert_codec
from streams.wire.sessions.published import ACTIVITY, SUMMARY

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

GRANT = replay_records.record(
    format_time(GRANTED_AT),
    account=MEMBER,
    sourceIPAddress=ADDRESS,
    eventID="grant",
    responseElements={
        "credentials": {
            "accessKeyId": KEY,
            "sessionToken": "secret",
            "expiration": format_time(GRANTED_AT + 15 * MINUTE),
        }
    },
)
ACTIONS = [record(GRANTED_AT + place * MINUTE, eventID=f"call-{place}") for place in (1, 2)]


class Compared(Protocol):
    """Runs the command over the records, compared with the topics of a prefix."""

    def __call__(self, *options: str) -> Ran:
        """Run it."""


@pytest.fixture
def compared(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    broker: RunningBroker,
    names: Names,
    tmp_path: Path,
) -> Compared:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", broker.bootstrap)
    (tmp_path / "in.jsonl").write_text(replay_records.lines(GRANT, *ACTIONS))
    arguments = ("backtest", "in.jsonl", "--compare", f"{names.topic_prefix}.alerts")
    return lambda *options: run(capsysbinary, monkeypatch, *arguments, *options)


def _live(broker: RunningBroker, prefix: str, actions: int) -> None:
    """What a worker publishes of the grant and so many actions, at least once; the second action is late."""
    settings = Settings.model_validate({})
    rules = settings.load_rules()
    reader = Reader(ReadSettings(rules, ExtractSettings(), thorough=True))
    reader.lines(json.dumps(GRANT).encode(), "in.jsonl", 1)
    (seen,) = reader.sightings
    decision = detect(
        seen,
        DictMemory().group(seen),
        rules.by_id[seen.rule_id],
        settings.decision_settings(rules)[seen.rule_id],
        partial(view_of, extract_settings=ExtractSettings()),
    )
    assert decision.alert is not None
    followed = Followed()
    grant = {"event_id": "grant", "principal": replay_records.ALICE}
    followed.take(granted(alert_id=decision.alert_id, **grant))
    for place, fields in enumerate(ACTIONS[:actions]):
        found = taken(fields)
        assert isinstance(found, Action)
        followed.take(found, GRANTED_AT + (1 + 2 * place) * HOUR)
        followed.close(GRANTED_AT + (2 + 2 * place) * HOUR)
    values = {
        "alerts": [alert_codec.encode(decision.alert.fields(1))],
        "activity": [ACTIVITY.encode(one) for one in followed.activities],
        "session-summaries": [SUMMARY.encode(one) for one in followed.summaries],
    }
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for name, encoded in values.items():
        topic = broker.create_topic(f"{prefix}.{name}", 1)
        for value in encoded * 2:
            producer.produce(topic, value, "session")
    assert producer.flush(60) == 0


def test_equal_sessions_exit_0(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """S14: sessions agree if the last revision does, whatever was published before it, and repeats do not count."""
    _live(broker, names.topic_prefix, 2)
    ran = compared("--sessions", "out")
    counts = "0 only in the replay, 0 only live"
    assert f"compare      {names.topic_prefix}.alerts: 1 in both, {counts}\n" in ran.err
    assert f"compare      {names.topic_prefix}.activity: 2 in both, {counts}, 0 differ\n" in ran.err
    assert f"compare      {names.topic_prefix}.session-summaries: 1 in both, {counts}, 0 differ\n" in ran.err
    assert ran.code == 0


def test_different_sessions_exit_1(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """S14: an action that did not join live is named, and so is what its session's summary differs in."""
    _live(broker, names.topic_prefix, 1)
    ran = compared("--sessions", "out")
    assert ran.code == 1
    assert ".activity: 1 in both, 1 only in the replay, 0 only live, 0 differ\n" in ran.err
    assert "(event call-2, activity " in ran.err
    assert ".session-summaries: 0 in both, 0 only in the replay, 0 only live, 1 differ\n" in ran.err
    assert "in actions, last_action_at, reason" in ran.err


def test_without_sessions_only_alerts_are_compared(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """Without --sessions a replay compares alerts alone, as before there were sessions."""
    _live(broker, names.topic_prefix, 1)
    ran = compared()
    assert (ran.code, ran.err.count("compare ")) == (0, 1)


def test_a_missing_topic_of_sessions_is_named(compared: Compared, broker: RunningBroker, names: Names) -> None:
    """A live run without sessions cannot be compared in them: its topic is named, exit 1, and nothing is printed."""
    broker.create_topic(f"{names.topic_prefix}.alerts", 1)
    ran = compared("--sessions", "out")
    assert (ran.code, ran.out) == (1, b"")
    assert f"topic {names.topic_prefix}.activity: there is no such topic" in ran.err
