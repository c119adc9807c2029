"""A busy worker spaces out its fetches, an idle one never waits."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from streams.worker.agents.batches import Batches
from streams.worker.consumer.fetch import pace
from streams.worker.consumer.fetch.response_reader import FETCH

FOREVER = 3600.0
METADATA = 3
SMALL = b"x" * 100
LARGE = b"x" * (pace.SMALL_BYTES + 1)


class Broker:
    """aiokafka's client; each response to a fetch has these bytes of one partition, and says how often it was asked."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self.asked = 0

    async def send(self, node: int, request: Any, *, group: Any) -> Any:
        """Answer at once."""
        del node, request, group
        self.asked += 1
        return SimpleNamespace(topics=[("cloudtrail", [(0, 0, 10, self._fetched)])])


def request(key: int = FETCH) -> Any:
    """A request of a kind."""
    return SimpleNamespace(API_KEY=key)


async def turns() -> None:
    """Let everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_busy_worker_asks_again_when_its_batch_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a small response the next fetch waits for the end of the batch in hand, and goes out then."""
    monkeypatch.setattr(pace, "PACE_SECONDS", FOREVER)

    async def scenario() -> None:
        broker, batches = Broker(SMALL), Batches()
        client = pace.PacedClient(broker, batches)
        await client.send(1, request())
        async with batches.handle_one():
            second = asyncio.create_task(client.send(1, request()))
            await turns()
            assert broker.asked == 1
        await second
        assert broker.asked == 2

    asyncio.run(scenario())


def test_a_busy_worker_waits_no_longer_than_the_pace() -> None:
    """A batch that takes long does not hold up the fetches."""

    async def scenario() -> None:
        broker, batches = Broker(SMALL), Batches()
        client = pace.PacedClient(broker, batches)
        async with batches.handle_one():
            await client.send(1, request())
            await client.send(1, request())
        assert broker.asked == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fetched", "in_hand", "node", "key"),
    [
        pytest.param(SMALL, False, 1, FETCH, id="no batch is in hand"),
        pytest.param(LARGE, True, 1, FETCH, id="the response was large: the worker is behind"),
        pytest.param(b"", True, 1, FETCH, id="the response was empty: the broker has waited already"),
        pytest.param(SMALL, True, 2, FETCH, id="another broker"),
        pytest.param(SMALL, True, 1, METADATA, id="no fetch"),
    ],
)
def test_what_never_waits(
    monkeypatch: pytest.MonkeyPatch,
    *,
    fetched: bytes,
    in_hand: bool,
    node: int,
    key: int,
) -> None:
    """The request after a response of broker 1 goes out at once."""
    monkeypatch.setattr(pace, "PACE_SECONDS", FOREVER)

    async def scenario() -> None:
        broker, batches = Broker(fetched), Batches()
        client = pace.PacedClient(broker, batches)
        await client.send(1, request())
        if not in_hand:
            await client.send(node, request(key))
        else:
            async with batches.handle_one():
                await client.send(node, request(key))
        assert broker.asked == 2

    asyncio.run(scenario())


def test_a_fetch_that_waits_when_the_consumers_thread_ends_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch may end after the event loop of the consumer's thread is closed: a crash ends that thread first."""
    monkeypatch.setattr(pace, "PACE_SECONDS", FOREVER)
    calls: list[Any] = []

    class Busy:
        """Batches whose last one is done later."""

        in_hand = True

        def when_none(self, call: Any) -> Any:
            """Keep the call, even when the wait is over."""
            calls.append(call)
            return nullcontext()

    async def waits() -> None:
        client = pace.PacedClient(Broker(SMALL), Busy())
        await client.send(1, request())
        asyncio.create_task(client.send(1, request()))  # noqa: RUF006  it is to be cancelled
        await turns()

    asyncio.run(waits())
    assert calls
    for call in calls:
        call()
