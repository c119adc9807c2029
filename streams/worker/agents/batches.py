"""Events in batches, and the guarantee that none is in hand when partitions change their owner.

An agent takes whatever its queue holds, up to a number and to so many bytes, without waiting for more: alone, an event
is handled at once; under load, one round of acknowledgements serves many. Events are acknowledged by hand after the
batch is done (A2). Between events a handler lets the event loop go on, so that health, commits and rebalances need not
wait for a batch of large files.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog

from streams.worker.failure import FailedInHand, failed_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.worker.agents.messages import Event, Stream

log = structlog.get_logger(__name__)

# How many events are handled between two rounds of acknowledgements; docs/decisions.md has the measurement.
BATCH_LIMIT = 500
# And of how many bytes; the event that goes beyond is the last. A large file alone takes longer than a round.
BATCH_BYTES = 4 * 1024 * 1024
# For how long a handler keeps the event loop to itself, if no event takes longer.
TURN_SECONDS = 0.02


class Batches:
    """Counts the batches in hand, and lets a rebalance or a shutdown wait for them."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._holds = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def in_hand(self) -> bool:
        """Whether any batch is being handled now."""
        return self._in_hand > 0

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Handle one batch inside; begins only while nobody holds batches back."""
        await self._free.wait()
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    @contextlib.asynccontextmanager
    async def finished(self, seconds: float) -> AsyncIterator[None]:
        """Wait until no batch is in hand, at most so long, and let none begin inside."""
        self._holds += 1
        self._free.clear()
        try:
            try:
                await asyncio.wait_for(self._idle.wait(), seconds)
            except TimeoutError:
                log.warning("batches.unfinished", seconds=seconds, consequence="they are handled again")
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._free.set()


class Turns:
    """Lets the event loop go on whenever a turn has taken its time."""

    def __init__(self) -> None:
        self._until = time.monotonic() + TURN_SECONDS

    async def rest(self) -> None:
        """Call it where others may go on."""
        if time.monotonic() >= self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + TURN_SECONDS


class Consumer(Protocol):
    """What a batch must know of the consumer."""

    @property
    def flow_active(self) -> bool:
        """Whether records are handed over; false while partitions are being given up."""


class Worker(Protocol):
    """What is used of the worker's app."""

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


Handle = Callable[[Sequence["Event"], Callable[[], bool]], Awaitable[None]]


async def in_batches(app: Worker, stream: Stream, handle: Handle) -> None:
    """Give ``handle`` the stream's events in batches, and acknowledge each batch that it returns from.

    Args:
        app: the worker's app.
        stream: its events are never acknowledged by Faust itself (A2).
        handle: takes the events, in order, and a function that says whether they are still this worker's to handle.

    Anything that ``handle`` raises stops the worker, with nothing committed past the batch. It is not raised again:
    Faust would start the agent anew, and that one would go on with the events after the batch.
    """
    events: Sequence[Event] = ()
    try:
        async for events, owned in _batches(app, stream):
            await handle(events, owned)
            for event in events:
                event.ack()
    except FailedInHand as failure:
        await app.stop_with(failure)
    except Exception as failure:  # noqa: BLE001  whatever it is, it stops the worker
        await app.stop_with(failed_batch((event.message for event in events), failure))


async def _batches(app: Worker, stream: Stream) -> AsyncIterator[tuple[list[Event], Callable[[], bool]]]:
    consumer = app.consumer

    def current(event: Event) -> bool:
        return consumer.flow_active and event.message.generation_id == app.consumer_generation_id

    taken: list[Event] = []
    size = 0
    async for event in stream.noack().events():
        taken.append(event)
        size += len(event.message.value or b"")
        if len(taken) < BATCH_LIMIT and size < BATCH_BYTES and not stream.channel.queue.empty():
            continue
        async with app.batches.one():
            # What was taken before a rebalance is read again from the committed offset by the partition's next owner.
            events = [event for event in taken if current(event)]
            if events:
                yield events, partial(current, events[-1])
        taken, size = [], 0
