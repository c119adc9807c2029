"""Records were lost in a rebalance under load, because some that were fetched before it were delivered after it.

The records before them had been cleared from the queues. Delivered in the new generation, the later ones had offsets
committed past the cleared ones, which were never handled. Faust also noted the last read offset of the earlier
assignment after the next one had begun, and dropped the records before it as already read.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service
from mode.utils.locks import Event

from streams.worker.consumer.consumer import Consumer, NoReadOffsets
from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.fetch.fetch_thread import FetchResult, FetchThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SOURCE, OTHER = TP("cloudtrail", 0), TP("sightings", 1)


class Waiting(Consumer):
    """A consumer that waits for records."""

    def __init__(self) -> None:
        """Nothing else of a consumer is needed."""
        self.app = SimpleNamespace(failure=None)
        self.revocations = 0


@pytest.mark.parametrize("revoked", [True, False])
def test_records_in_hand(monkeypatch: pytest.MonkeyPatch, *, revoked: bool) -> None:
    """A2: records that were fetched before partitions were given up are never delivered afterwards."""
    consumer = Waiting()

    async def wait(*_args: Any) -> Any:
        record: Any = SimpleNamespace(topic="cloudtrail", partition=0, offset=7, timestamp=0, key=b"", value=b"")
        records = FetchResult(consumer.revocations, {SOURCE: [record]})
        consumer.revocations += revoked
        return records, {SOURCE}

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", wait)
    fetched, active = asyncio.run(consumer._wait_next_records(1.0))  # noqa: SLF001  Faust's hook
    offsets = {tp: [message.offset for each in made for message in each.messages] for tp, made in fetched.items()}
    assert (offsets, active) == ({} if revoked else {SOURCE: [7]}, {SOURCE})


class Fetching(FetchThread):
    """The consumer's thread during a fetch."""

    def __init__(self, seek: Callable[[TP, int], None]) -> None:
        """Nothing else of the thread is needed."""
        self.consumer = SimpleNamespace(revocations=0, flow_active=True)
        self.app = SimpleNamespace(
            fetch_filter=SimpleNamespace(source_topics=frozenset()),
            last_poll=0.0,
            topic_names=SimpleNamespace(changelogs={}),
        )
        self._consumer = SimpleNamespace(seek=seek, _subscription=SimpleNamespace(subscription=None))


@pytest.mark.parametrize("revoked", [True, False])
def test_records_on_their_way(monkeypatch: pytest.MonkeyPatch, *, revoked: bool) -> None:
    """A2: if partitions are given up during a fetch, its records are put back and read again."""
    sought: list[tuple[TP, int]] = []

    def seek(tp: TP, offset: int) -> None:
        if tp == OTHER:
            raise IllegalStateError("not assigned any more")
        sought.append((tp, offset))

    thread = Fetching(seek)
    fetched = {OTHER: [SimpleNamespace(offset=9)], SOURCE: [SimpleNamespace(offset=7), SimpleNamespace(offset=8)]}

    async def fetch(*_args: Any, **_options: Any) -> Any:
        thread.consumer.revocations += revoked
        return fetched

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch)
    monkeypatch.setattr(fetch_thread, "raise_background_failure", lambda _consumer: None)
    records = asyncio.run(thread._fetch_records(None, None))  # noqa: SLF001  Faust's hook
    assert records == ({} if revoked else fetched)
    assert sought == ([(SOURCE, 7)] if revoked else [])


class Draining(Consumer):
    """A consumer that hands over the given records and then stops."""

    def __init__(self, offsets: list[int], callback: Callable[[Any], Any]) -> None:
        """Only what Faust's loop uses of a consumer, and this project's read offsets."""
        Service.__init__(self)
        self.app = SimpleNamespace(topics=SimpleNamespace(acks_enabled_for=lambda _topic: True))
        self.callback = callback
        self.suspend_flow = Event()
        self._commit_every = None
        self._read_offset = NoReadOffsets()
        self._offsets_to_come = offsets

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ARG002, ASYNC109  Faust's signature
        """The records, once."""
        for offset in self._offsets_to_come:
            yield SOURCE, SimpleNamespace(topic=SOURCE.topic, offset=offset)
        self._stopped.set()


def test_a_read_offset_of_an_earlier_assignment() -> None:
    """A2: records before an offset that was read in an earlier assignment are still delivered."""
    delivered: list[int] = []

    async def deliver(message: Any) -> None:
        delivered.append(message.offset)

    async def drain() -> None:
        await Draining([9, 7, 8, 9, 10], deliver)._drain_messages(Service())  # noqa: SLF001  Faust's loop

    asyncio.run(drain())
    assert delivered == [9, 7, 8, 9, 10]
