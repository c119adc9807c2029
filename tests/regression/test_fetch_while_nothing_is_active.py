"""A worker that started with a changelog to recover could lose records of its topics and stop making progress.

After the recovery Faust pauses the changelog before it resumes the streams. For aiokafka an empty set of partitions
means all of them: a fetch that waited at that moment took the streams' records. Faust dropped them, because no
partition was active, and without a commit no seek brought them back.
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
    """One record of a partition that aiokafka holds; counts that it is handed over."""

    def __init__(self) -> None:
        self.taken = False

    def getall(self, _max_records: int | None = None) -> list[Any]:
        """The record, once."""
        self.taken = True
        return ["record"]

    def has_more(self) -> bool:
        """False: there was only one record."""
        return False


@pytest.fixture(autouse=True)
def buffered_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiokafka.consumer.fetcher.FetchResult", Buffered)


def fetched(active: set[TP]) -> tuple[dict[TP, list[Any]], Buffered]:
    """The records that the consumer's thread hands over while these partitions are active for Faust."""
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
        app = SimpleNamespace(
            fetch_filter=SimpleNamespace(source_topics=frozenset()),
            last_poll=0.0,
            topic_names=SimpleNamespace(changelogs={}),
        )
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
    """A2: with no active partition a fetch hands over nothing, and the records stay for later."""
    for active in (set[TP](), {CHANGELOG}):
        handed, buffered = fetched(active)
        assert handed == {}
        assert not buffered.taken


def test_what_is_active_is_taken() -> None:
    """An active partition is fetched."""
    handed, buffered = fetched({CHANGELOG, STREAM})
    assert handed == {STREAM: ["record"]}
    assert buffered.taken


def test_a_full_queue_does_not_hide_what_is_paused_meanwhile() -> None:
    """A full queue excludes its topics in addition to Faust's paused partitions, not instead of them."""
    active = {CHANGELOG, STREAM}
    seen = ActivePartitions(active, {STREAM.topic})
    assert (CHANGELOG in seen, STREAM in seen) == (True, False)
    active.clear()
    assert CHANGELOG not in seen
