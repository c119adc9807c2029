"""Batches are acknowledged when handled, never when failed, and none is in hand when partitions change their owner."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from streams.worker.agents.batches import BATCH_BYTES, BATCH_LIMIT, Batches, Yielder, in_batches
from streams.worker.failure import FailedInHand, in_hand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class Event:
    """An event of a generation of the group."""

    def __init__(self, number: int, generation: int = 1, value: bytes = b"") -> None:
        self.number = number
        self.message = SimpleNamespace(generation_id=generation, value=value)
        self.message.topic, self.message.partition, self.message.offset = "cloudtrail", 2, number
        self.acked = False

    def ack(self) -> None:
        """Acknowledge."""
        self.acked = True


class Stream:
    """A Faust stream over a queue that is filled; it ends when the queue is empty."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.channel = SimpleNamespace(queue=asyncio.Queue())
        for event in events:
            self.channel.queue.put_nowait(event)

    def noack(self) -> Stream:
        """The stream itself, which never acknowledges."""
        return self

    async def events(self) -> AsyncIterator[Event]:
        """The events."""
        while not self.channel.queue.empty():
            yield self.channel.queue.get_nowait()


class App:
    """The worker's app, as batches use it: generation 1 of the group, and the flow is on."""

    def __init__(self) -> None:
        self.batches = Batches()
        self.consumer = SimpleNamespace(flow_active=True)
        self.consumer_generation_id = 1
        self.failure: BaseException | None = None

    async def stop_with(self, failure: BaseException) -> None:
        """Keep the failure."""
        self.failure = failure


def run(app: App, events: Sequence[Event], handle: Callable[..., Any]) -> None:
    """Run an agent over the events."""

    async def agent() -> None:
        await in_batches(app, Stream(events), handle)

    asyncio.run(agent())


def test_what_is_there_is_one_batch() -> None:
    """A batch is the content of the queue, up to the limit, in order. All of it is acknowledged after it is handled."""
    batches: list[list[int]] = []

    async def handle(events: Sequence[Event], owned: Callable[[], bool]) -> None:
        assert owned()
        assert not any(event.acked for event in events)
        batches.append([event.number for event in events])

    events = [Event(number) for number in range(BATCH_LIMIT + 7)]
    run(App(), events, handle)
    assert batches == [list(range(BATCH_LIMIT)), list(range(BATCH_LIMIT, BATCH_LIMIT + 7))]
    assert all(event.acked for event in events)


def test_a_batch_is_bounded_by_bytes() -> None:
    """Large events make small batches: each ends with the event that reaches the limit. All are handled in order."""
    batches: list[list[int]] = []

    async def handle(events: Sequence[Event], _owned: Callable[[], bool]) -> None:
        batches.append([event.number for event in events])

    half, whole = bytes(BATCH_BYTES // 2), bytes(BATCH_BYTES)
    run(
        App(), [Event(number, value=value) for number, value in enumerate([half, half, whole, half, b"", half])], handle
    )
    assert batches == [[0, 1], [2], [3, 4, 5]]


def test_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between slow events the event loop runs other tasks, after at most one event."""
    monkeypatch.setattr("streams.worker.agents.batches.YIELD_SECONDS", 0)

    async def scene() -> list[str]:
        log: list[str] = []

        async def handle() -> None:
            yielder = Yielder()
            for number in range(3):
                log.append(f"event {number}")
                await yielder.yield_if_due()

        async def other() -> None:
            for _ in range(3):
                log.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(handle(), other())
        return log

    assert asyncio.run(scene()) == ["event 0", "other", "event 1", "other", "event 2", "other"]


def test_a_failure_stops_the_worker() -> None:
    """A2: a handler's exception stops the worker; neither its batch nor anything after it is acknowledged."""
    handled: list[int] = []

    async def handle(events: Sequence[Event], _owned: Callable[[], bool]) -> None:
        handled.append(len(events))
        raise LookupError("nobody foresaw this")

    app = App()
    events = [Event(number) for number in range(BATCH_LIMIT + 7)]
    run(app, events, handle)
    assert isinstance(app.failure, FailedInHand)
    assert isinstance(app.failure.__cause__, LookupError)
    assert app.failure.records == f"cloudtrail:2:0-{BATCH_LIMIT - 1}"
    assert handled == [BATCH_LIMIT]
    assert not any(event.acked for event in events)


def test_a_failure_names_the_record_that_was_in_hand() -> None:
    """A failure names the record's position in the form that --skip takes."""

    async def handle(events: Sequence[Event], _owned: Callable[[], bool]) -> None:
        for event in events:
            with in_hand(event.message):
                if event.number == 3:
                    raise LookupError("nobody foresaw this")

    app = App()
    run(app, [Event(number) for number in range(7)], handle)
    assert isinstance(app.failure, FailedInHand)
    assert isinstance(app.failure.__cause__, LookupError)
    assert app.failure.records == "cloudtrail:2:3"


def test_events_of_an_earlier_generation() -> None:
    """A2: events taken before a rebalance are left to the partition's owner, and are not acknowledged."""
    handled: list[int] = []

    async def handle(events: Sequence[Event], _owned: Callable[[], bool]) -> None:
        handled.extend(event.number for event in events)

    events = [Event(0, generation=0), Event(1), Event(2, generation=0)]
    run(App(), events, handle)
    assert handled == [1]
    assert [event.acked for event in events] == [False, True, False]


def test_ownership_ends_with_the_generation() -> None:
    """A2: a handler can see that the partitions changed their owner while it worked."""
    app = App()
    heard: list[bool] = []

    async def handle(_events: Sequence[Event], owned: Callable[[], bool]) -> None:
        heard.append(owned())
        app.consumer_generation_id += 1
        heard.append(owned())

    run(app, [Event(0)], handle)
    assert heard == [True, False]


def test_holding_back() -> None:
    """While batches are held back, the one in hand is finished and none begins."""

    async def scene() -> list[str]:
        batches, done, log = Batches(), asyncio.Event(), []

        async def batch(name: str) -> None:
            async with batches.handle_one():
                log.append(f"{name} begins")
                await done.wait()
                log.append(f"{name} ends")

        async def hold() -> None:
            async with batches.drained(60):
                log.append("held")

        async def release() -> None:
            done.set()

        await asyncio.gather(batch("first"), hold(), batch("second"), release())  # they begin in this order
        return log

    assert asyncio.run(scene()) == ["first begins", "first ends", "held", "second begins", "second ends"]


@pytest.mark.parametrize("raised", [None, LookupError])
def test_holding_back_has_an_end(raised: type[Exception] | None) -> None:
    """The wait for a batch that does not end has a limit. Afterwards batches begin again, also after an exception."""

    async def scene() -> bool:
        batches = Batches()
        async with batches.handle_one():
            with suppress(LookupError):
                async with batches.drained(0):
                    if raised:
                        raise raised
        async with batches.handle_one():
            return True

    assert asyncio.run(scene())
