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
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from streams.worker.outgoing import Outgoing


def handle(values: Sequence[bytes]) -> list[list[str]]:
    """The member accounts of the sightings that are sent for a batch of messages, per call."""
    sent: list[list[str]] = []

    async def send_all(records: Sequence[Outgoing]) -> None:
        sent.append([codec.decode(record.value or b"").member_account for record in records])

    options = Settings()
    sender: Any = SimpleNamespace(send_all=send_all)
    metrics, extract_settings, rules = Metrics(), options.extract_settings(), options.load_rules()
    agent = Sight(
        rules=rules,
        settings=options.decision_settings(rules),
        extract_settings=extract_settings,
        topic=topic_names(options).sightings,
        sessions_topic=topic_names(options).sessions,
        largest=1_000_000,
        skips=NO_SKIPS,
        sender=sender,
        dead_letters=DeadLetters("dead", 1_000_000, extract_settings, metrics),
        metrics=metrics,
        counts=TakingCounts(rules, metrics),
    )
    events: list[Any] = [
        SimpleNamespace(
            message=SimpleNamespace(
                topic="t", partition=0, offset=number, timestamp=1_772_359_200, key=None, value=value
            )
        )
        for number, value in enumerate(values)
    ]
    asyncio.run(agent.handle(events, lambda: True))
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
