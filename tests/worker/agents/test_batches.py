"""Batches are acknowledged when handled, never when failed, and none is in hand when partitions change their owner."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from streams.worker.agents.batches import Batches, Yielder, in_batches
from streams.worker.delivery import MOST_BYTES, MOST_MESSAGES, Delivery, Message
from streams.worker.failure import FailedInHand, failed_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


class Event:
    """An event of a generation of the group: messages with these offsets, of this size together."""

    def __init__(self, *offsets: int, generation: int = 1, size: int = 0) -> None:
        messages = [Message("cloudtrail", 2, offset, 0, None, b"", 0.0) for offset in offsets]
        self.message = SimpleNamespace(generation_id=generation, value=Delivery(messages, size))
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


def batches_of(events: Sequence[Event]) -> list[list[int]]:
    """The batches of these events, as the offsets of their messages; each is acknowledged after it is handled."""
    batches: list[list[int]] = []

    async def handle(messages: Sequence[Message], owned: Callable[[], bool]) -> None:
        assert owned()
        batches.append([message.offset for message in messages])
        done = {offset for batch in batches[:-1] for offset in batch}
        assert [event.acked for event in events] == [
            all(message.offset in done for message in event.message.value.messages) for event in events
        ]

    run(App(), events, handle)
    assert all(event.acked for event in events)
    return batches


def test_what_is_there_is_one_batch() -> None:
    """A batch is the content of the queue, up to the limit, in order. All of it is acknowledged after it is handled."""
    whole = list(range(MOST_MESSAGES))
    rest = list(range(MOST_MESSAGES, MOST_MESSAGES + 7))
    assert batches_of([Event(number) for number in whole + rest]) == [whole, rest]


def test_a_delivery_stays_whole() -> None:
    """Messages count, not events: a batch ends with the delivery that reaches the limit, and no delivery is split."""
    half = MOST_MESSAGES // 2 + 1
    offsets = iter(range(5 * MOST_MESSAGES))
    deliveries = [[next(offsets) for _ in range(count)] for count in (half, half, 1, MOST_MESSAGES, MOST_MESSAGES, 2)]
    one, two, three, four, five, six = deliveries
    assert batches_of([Event(*delivery) for delivery in deliveries]) == [one + two, three + four, five, six]


def test_a_batch_is_bounded_by_bytes() -> None:
    """Large deliveries make small batches: each ends with the delivery that reaches the limit. The order is kept."""
    half, whole = MOST_BYTES // 2, MOST_BYTES
    events = [Event(number, size=size) for number, size in enumerate([half, half, whole, half, 0, half])]
    assert batches_of(events) == [[0, 1], [2], [3, 4, 5]]


def test_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between slow messages the event loop runs other tasks, after at most one message."""
    monkeypatch.setattr("streams.worker.agents.batches.YIELD_SECONDS", 0)

    async def scene() -> list[str]:
        log: list[str] = []

        async def handle() -> None:
            yielder = Yielder()
            for number in range(3):
                log.append(f"message {number}")
                if yielder.is_due():
                    await yielder.yield_now()

        async def other() -> None:
            for _ in range(3):
                log.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(handle(), other())
        return log

    assert asyncio.run(scene()) == ["message 0", "other", "message 1", "other", "message 2", "other"]


def test_a_failure_stops_the_worker() -> None:
    """A2: a handler's exception stops the worker; neither its batch nor anything after it is acknowledged."""
    handled: list[int] = []

    async def handle(messages: Sequence[Message], _owned: Callable[[], bool]) -> None:
        handled.append(len(messages))
        raise LookupError("nobody foresaw this")

    app = App()
    events = [Event(number) for number in range(MOST_MESSAGES + 7)]
    run(app, events, handle)
    assert isinstance(app.failure, FailedInHand)
    assert isinstance(app.failure.__cause__, LookupError)
    assert app.failure.records == f"cloudtrail:2:0-{MOST_MESSAGES - 1}"
    assert handled == [MOST_MESSAGES]
    assert not any(event.acked for event in events)


def test_a_failure_names_the_record_that_was_in_hand() -> None:
    """A failure names the record's position in the form that --skip takes."""

    async def handle(messages: Sequence[Message], _owned: Callable[[], bool]) -> None:
        for message in messages:
            if message.offset == 3:
                raise failed_record(message) from LookupError("nobody foresaw this")

    app = App()
    run(app, [Event(0, 1), Event(2, 3, 4), Event(5, 6)], handle)
    assert isinstance(app.failure, FailedInHand)
    assert isinstance(app.failure.__cause__, LookupError)
    assert app.failure.records == "cloudtrail:2:3"


def test_events_of_an_earlier_generation() -> None:
    """A2: events taken before a rebalance are left to the partition's owner, and are not acknowledged."""
    handled: list[int] = []

    async def handle(messages: Sequence[Message], _owned: Callable[[], bool]) -> None:
        handled.extend(message.offset for message in messages)

    events = [Event(0, 1, generation=0), Event(2, 3), Event(4, generation=0)]
    run(App(), events, handle)
    assert handled == [2, 3]
    assert [event.acked for event in events] == [False, True, False]


def test_ownership_ends_with_the_generation() -> None:
    """A2: a handler can see that the partitions changed their owner while it worked."""
    app = App()
    heard: list[bool] = []

    async def handle(_messages: Sequence[Message], owned: Callable[[], bool]) -> None:
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
