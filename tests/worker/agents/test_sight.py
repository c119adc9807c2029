"""The sight agent sends a batch in slices, and reads large messages outside the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from worker_process import accounts, assume_root

from streams import pipeline
from streams.settings import Settings
from streams.topics.catalogue import topic_names
from streams.wire import sighting as codec
from streams.worker.agents import sight
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.sight import LARGE_BYTES, Sight
from streams.worker.agents.taking_counts import TakingCounts
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from streams.worker.outgoing import Outgoing


def handle(
    values: Sequence[bytes],
    options: Settings | None = None,
    *,
    largest: int = 1_000_000,
    metrics: Metrics | None = None,
) -> list[list[str | None]]:
    """The member accounts of the sightings that a batch sends, per call; ``None`` for a dead letter."""
    sent: list[list[str | None]] = []

    async def send_all(records: Sequence[Outgoing]) -> None:
        dead = [record.topic == "dead" for record in records]
        values = [None if is_dead else record.value for is_dead, record in zip(dead, records, strict=True)]
        sent.append([None if value is None else codec.decode(value).member_account for value in values])

    options, metrics = options or Settings(), metrics or Metrics()
    sender: Any = SimpleNamespace(send_all=send_all)
    extract_settings, rules = options.extract_settings(), options.load_rules()
    agent = Sight(
        rules=rules,
        settings=options.decision_settings(rules),
        extract_settings=extract_settings,
        topic=topic_names(options).sightings,
        sessions_topic=topic_names(options).sessions,
        largest=largest,
        skips=NO_SKIPS,
        sender=sender,
        dead_letters=DeadLetters("dead", 1_000_000, extract_settings, metrics),
        metrics=metrics,
        counts=TakingCounts(rules, metrics),
        memo=pipeline.Memo(rules, extract_settings),
    )
    messages = [Message("t", 0, number, 1_772_359_200_000, None, value, 0.0) for number, value in enumerate(values)]
    asyncio.run(agent.handle(messages, lambda: True))
    return sent


def records(count: int, padding: int = 0) -> list[bytes]:
    """AssumeRoot records, each on its own account."""
    return [json.dumps(assume_root(account=account, p="x" * padding)).encode() for account in accounts(count)]


def test_a_batch_is_sent_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sightings are sent whenever they reach the bytes of a slice; all of them are sent, in order."""
    assert handle(records(5)) == [accounts(5)]
    monkeypatch.setattr(sight, "SLICE_BYTES", 20_000)
    sent = handle(records(5, padding=12_000))
    assert sent == [accounts(5)[:2], accounts(5)[2:4], accounts(5)[4:]]


def test_large_messages_leave_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of the size of a log file is read outside the event loop's thread, one of usual size in it."""
    read_in: list[bool] = []
    read = pipeline.sight

    def note(*arguments: Any) -> Any:
        read_in.append(threading.current_thread() is threading.main_thread())
        return read(*arguments)

    monkeypatch.setattr(pipeline, "sight", note)
    small, large = records(1)[0], records(1, padding=LARGE_BYTES)[0]
    handle([small, large, small])
    assert read_in == [True, False, True]


SHIPPED = "aws-sts-assume-root-rare-pair"


def with_refresh(refresh: str, exceptions: Path | None = None) -> Settings:
    return Settings(rule_settings={SHIPPED: {"refresh": refresh}}, exceptions=exceptions)


def test_a_tuple_is_sent_once_per_refresh() -> None:
    """U7: what was sent shortly before by event time is not sent again, in one message or in several; 0s sends all."""
    first, second = records(2)
    values = [first, second, first, b"[" + first + b"," + first + b"]"]
    one, other = accounts(2)
    assert handle(values, with_refresh("0s")) == [[one, other, one, one, one]]
    assert handle(values, with_refresh("1h")) == [[one, other]]
    assert handle([values[3]], with_refresh("1h")) == [[one]]


def test_what_an_exception_takes_out_is_not_noted(tmp_path: Path) -> None:
    """U7, M7: an exception asks for more than the terms, so the next sighting of the tuple may be a first one."""
    one, other = accounts(2)
    exceptions = tmp_path / "exceptions.toml"
    exceptions.write_text(f'[[exception]]\nmember_account = "{one}"\nquery = "user_agent.original: x"\n')
    first, second = records(2)
    assert handle([first, second, first, second], with_refresh("1h", exceptions)) == [[one, other, one]]


def test_a_record_that_cannot_be_sent_is_one_dead_letter() -> None:
    """U4: a record gives up to a hundred sightings; if all are too large, its dead letter is sent once."""
    resources = [{"accountId": account, "type": "AWS::IAM::Root"} for account in accounts(5)]
    value = json.dumps(assume_root(requestParameters=None, resources=resources)).encode()
    assert handle([value]) == [accounts(5)]
    assert handle([value], largest=100) == [[None]]


def test_what_is_dropped_is_not_read_in_full_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """U7: of the same tuple two messages are read, and all are counted; what is damaged, late or too deep is read."""
    rule = tmp_path / "rule.toml"
    rule.write_text(
        'id = "r"\nname = "R"\nversion = 1\nseverity = "low"\nrisk_score = 1\nquery = "event.action: AssumeRoot"\n'
        'terms = ["cloud.account.id"]\nwindow = "10d"\nrefresh = "1h"\n'
    )
    read: list[bytes] = []
    full = pipeline.sight

    def note(value: bytes, *arguments: Any) -> Any:
        read.append(value)
        return full(value, *arguments)

    monkeypatch.setattr(pipeline, "sight", note)
    one = json.dumps(assume_root()).encode()
    damaged, deep = one[:-1], one[:-1] + b', "x": ' + b"[" * 200 + b"]" * 200 + b"}"
    late = json.dumps(assume_root(eventTime="2026-03-01T10:30:00Z")).encode()
    new = json.dumps(assume_root(eventTime="2026-03-01T08:00:00Z")).encode()
    ahead = json.dumps(assume_root(eventTime="2026-03-09T12:00:00Z")).encode()
    metrics = Metrics()
    sent = handle([one, one, one, late, damaged, one, deep, new, ahead], Settings(rules=[str(rule)]), metrics=metrics)
    assert read == [one, one, damaged, deep, new, ahead]
    assert [len(records) for records in sent] == [4]
    count = metrics.registry.get_sample_value
    assert count("rootwatch_records_total", {"shape": "record"}) == 8
    assert count("rootwatch_taken_total", {"rule": "r"}) == 7
    assert count("rootwatch_refreshed_total", {"rule": "r"}) == 4
