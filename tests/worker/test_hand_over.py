"""A fetch is noted in one step: its records as open, and the position that may be committed after them (A2)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.fetch.fetch_thread import FetchResult

if TYPE_CHECKING:
    import pytest

SOURCE, QUIET, UNACKED = TP("cloudtrail", 0), TP("cloudtrail", 1), TP("leader", 0)


class Waiting(Consumer):
    """A consumer that waits for records."""

    def __init__(self) -> None:
        """Nothing else of a consumer is needed."""
        topics = SimpleNamespace(acks_enabled_for=lambda topic: topic == SOURCE.topic)
        self.app = SimpleNamespace(failure=None, topics=topics, consumer_generation_id=1)
        self.flow_active = True
        self.revocations = 0
        self._trackers = {}
        self._unacked_messages = set()

    def committable(self) -> dict[TP, int | None]:
        """The offset that would be committed now."""
        return {tp: self._new_offset(tp) for tp in self._filter_tps_with_pending_acks()}


def hand_over(monkeypatch: pytest.MonkeyPatch, consumer: Waiting, *, revoked: bool) -> None:
    """Make a fetch of the first assignment bring two records of one partition and none of another."""
    fetched = FetchResult(0, {SOURCE: [SimpleNamespace(offset=offset) for offset in (5, 7)]})
    fetched.positions = {SOURCE: 9, QUIET: 4, UNACKED: 3}

    async def wait(*_args: Any) -> Any:
        consumer.revocations += revoked
        return fetched, {SOURCE, QUIET}

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", wait)
    asyncio.run(consumer._wait_next_records(1.0))  # noqa: SLF001  Faust's hook


class Message:
    """A message of the first generation."""

    def __init__(self, offset: int) -> None:
        """Not acknowledged yet."""
        self.tp = SOURCE
        self.offset = offset
        self.generation_id = 1
        self.acked = False


def test_a_position_is_never_committed_past_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records block a commit even before an agent gets them. Once they are done, the position may be committed."""
    consumer = Waiting()
    hand_over(monkeypatch, consumer, revoked=False)
    assert consumer.committable() == {SOURCE: 5, QUIET: 4}
    consumer.ack(Message(7))
    assert consumer.committable() == {SOURCE: 5, QUIET: 4}
    consumer.ack(Message(5))
    assert consumer.committable() == {SOURCE: 9, QUIET: 4}


def test_what_a_rebalance_has_overtaken_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position may not be committed if its records were dropped."""
    consumer = Waiting()
    hand_over(monkeypatch, consumer, revoked=True)
    assert consumer.committable() == {}
