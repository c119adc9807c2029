"""Handles events in batches, and finishes all batches before partitions change their owner.

An event carries the messages of one partition that a fetch brought (``delivery``). An agent takes events from its queue
until they have a number of messages or a size, and does not wait for more. A single message is handled at once;
under load, one round of acknowledgements serves many. Events are acknowledged by hand after the batch is done (A2).
Between messages a handler yields to the event loop, so that health checks, commits and rebalances need not wait for a
batch of large files.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from streams.worker.delivery import MOST_BYTES, MOST_MESSAGES
from streams.worker.failure import FailedInHand, failed_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streams.worker.agents.events import Event, Stream
    from streams.worker.delivery import Message

log = structlog.get_logger(__name__)

# After how long a handler yields to the event loop, unless a single message takes longer.
YIELD_SECONDS = 0.02


class Batches:
    """Counts the batches in hand, so that a rebalance or a shutdown can wait for them."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._holds = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._free = asyncio.Event()
        self._free.set()
        self._calls: list[Callable[[], object]] = []

    @property
    def in_hand(self) -> bool:
        """Whether any batch is being handled now."""
        return self._in_hand > 0

    @contextlib.contextmanager
    def when_none(self, call: Callable[[], object]) -> Iterator[None]:
        """Inside, make a call whenever the last batch in hand is done. May be used from another thread."""
        self._calls.append(call)
        try:
            yield
        finally:
            self._calls.remove(call)

    @contextlib.asynccontextmanager
    async def handle_one(self) -> AsyncIterator[None]:
        """Handle one batch inside. Waits first while ``drained`` holds batches back."""
        await self._free.wait()
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()
                for call in tuple(self._calls):
                    call()

    @contextlib.asynccontextmanager
    async def drained(self, seconds: float) -> AsyncIterator[None]:
        """Wait until no batch is in hand, at most so many seconds. Inside, no batch begins."""
        self._holds += 1
        self._free.clear()
        try:
            try:
                await asyncio.wait_for(self._idle.wait(), seconds)
            except TimeoutError:
                log.warning("batches.unfinished", seconds=seconds, consequence="their events are handled again")
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._free.set()


class Yielder:
    """Yields to the event loop whenever ``YIELD_SECONDS`` have passed since the last time."""

    def __init__(self) -> None:
        self._until = time.monotonic() + YIELD_SECONDS

    def is_due(self) -> bool:
        """Whether other tasks have waited long enough; ask between messages."""
        return time.monotonic() >= self._until

    async def yield_now(self) -> None:
        """Let other tasks run."""
        await asyncio.sleep(0)
        self._until = time.monotonic() + YIELD_SECONDS


class Consumer(Protocol):
    """The consumer, as batches use it."""

    @property
    def flow_active(self) -> bool:
        """Whether records are handed over; false while partitions are being given up."""


class Worker(Protocol):
    """The worker's app, as batches use it."""

    @property
    def batches(self) -> Batches:
        """The batches in hand."""

    @property
    def consumer(self) -> Consumer:
        """The consumer."""

    @property
    def consumer_generation_id(self) -> int:
        """The generation of the consumer group."""

    async def stop_with(self, failure: BaseException, /) -> None:
        """Stop the worker because of a failure."""


Handle = Callable[[Sequence["Message"], Callable[[], bool]], Awaitable[None]]


async def in_batches(app: Worker, stream: Stream, handle: Handle) -> None:
    """Give ``handle`` the stream's messages in batches, and acknowledge each batch when it returns.

    Args:
        app: the worker's app.
        stream: Faust itself never acknowledges its events (A2).
        handle: takes the messages, in order, and a function that says whether this worker still owns them.

    If ``handle`` raises anything, the worker stops, and nothing past the batch is committed. The exception is not
    raised again: Faust would restart the agent, which would go on with the events after the batch.
    """
    messages: Sequence[Message] = ()
    try:
        async for events, owned in _batches(app, stream):
            messages = [message for event in events for message in event.message.value.messages]
            await handle(messages, owned)
            for event in events:
                event.ack()
    except FailedInHand as failure:
        await app.stop_with(failure)
    except Exception as failure:  # noqa: BLE001  any failure stops the worker
        await app.stop_with(failed_batch(messages, failure))


async def _batches(app: Worker, stream: Stream) -> AsyncIterator[tuple[list[Event], Callable[[], bool]]]:
    consumer = app.consumer

    def current(event: Event) -> bool:
        return consumer.flow_active and event.message.generation_id == app.consumer_generation_id

    taken: list[Event] = []
    count = size = 0
    async for event in stream.noack().events():
        taken.append(event)
        count += len(event.message.value.messages)
        size += event.message.value.size
        if count < MOST_MESSAGES and size < MOST_BYTES and not stream.channel.queue.empty():
            continue
        async with app.batches.handle_one():
            # Drop events of before a rebalance: the next owner reads them again from the committed offset.
            events = [event for event in taken if current(event)]
            if events:
                yield events, partial(current, events[-1])
        taken, count, size = [], 0, 0
