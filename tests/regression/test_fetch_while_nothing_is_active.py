"""A worker that started with a changelog to recover could lose what was in its topics, and stand still.

Once the changelog is read, Faust pauses it before it resumes the streams. To aiokafka, an empty set of partitions means
all of them: a fetch that waited at that moment took the streams' records, Faust threw them away as of no active
partition, and without a commit no seek brought them back.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher
from faust.types import TP

from streams.worker.consumer.fetch.fetch_thread import ActivePartitions, FetchThread

CHANGELOG, STREAM = TP("group-memory-changelog", 0), TP("rootwatch.sightings", 0)


class Buffered:
    """One record that aiokafka holds of a partition, counted when it is handed over."""

    def __init__(self) -> None:
        self.taken = False

    def getall(self, _max_records: int | None = None) -> list[Any]:
        """The record, once."""
        self.taken = True
        return ["record"]

    def has_more(self) -> bool:
        """False: it was one."""
        return False


@pytest.fixture(autouse=True)
def buffered_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiokafka.consumer.fetcher.FetchResult", Buffered)


def fetched(active: set[TP]) -> tuple[dict[TP, list[Any]], Buffered]:
    """What the consumer's thread hands over while Faust's set of active partitions is this one."""
    buffered = Buffered()
    subscriptions = SimpleNamespace(
        reassignment_in_progress=False, is_assigned=lambda _tp: True, fetch_context=nullcontext
    )

    async def fetch() -> dict[TP, list[Any]]:
        fetcher: Any = Fetcher.__new__(Fetcher)
        vars(fetcher).update(
            _records={STREAM: buffered},
            _subscriptions=subscriptions,
            _fetch_waiters=set(),
            _closed=False,
            _fetch_task=asyncio.get_running_loop().create_future(),
            _wait_consume_future=asyncio.get_running_loop().create_future(),
            _loop=asyncio.get_running_loop(),
        )
        thread: Any = FetchThread.__new__(FetchThread)
        app = SimpleNamespace(fetch_filter=SimpleNamespace(source_topics=frozenset()), last_poll=0.0)
        consumer = SimpleNamespace(
            _closed=False,
            _fetcher=fetcher,
            _subscription=SimpleNamespace(subscription=None),
            _coordinator=SimpleNamespace(check_errors=lambda: None),
        )
        vars(thread).update(app=app, consumer=SimpleNamespace(revocations=0, flow_active=True), _consumer=consumer)
        handed: dict[TP, list[Any]] = await thread._fetch_records(consumer, active, timeout=0, max_records=10)  # noqa: SLF001
        return handed

    return asyncio.run(fetch()), buffered


def test_nothing_is_taken_while_nothing_is_active() -> None:
    """A2: with no active partition a fetch hands over nothing and leaves what is there for later."""
    for active in (set[TP](), {CHANGELOG}):
        handed, buffered = fetched(active)
        assert handed == {}
        assert not buffered.taken


def test_what_is_active_is_taken() -> None:
    """A partition that Faust has resumed is fetched."""
    handed, buffered = fetched({CHANGELOG, STREAM})
    assert handed == {STREAM: ["record"]}
    assert buffered.taken


def test_a_full_queue_does_not_hide_what_is_paused_meanwhile() -> None:
    """What is left out as its queue is full is left out beside what Faust says at the moment, not instead of it."""
    active = {CHANGELOG, STREAM}
    seen = ActivePartitions(active, {STREAM.topic})
    assert (CHANGELOG in seen, STREAM in seen) == (True, False)
    active.clear()
    assert CHANGELOG not in seen
