"""Spaces out the fetches of a busy worker, so that each brings more.

A fetch, the batches it leads to and their rounds of acknowledgements cost as much for one record as for ten. Without a
pace a worker at half of its load fetched two or three records at a time, and was busy with little else.

The rules:

* A fetch waits only while a batch is in hand, and at most until ``PACE_SECONDS`` after the last response. So an idle
  worker never waits, and the sighting of a record is fetched as soon as the record's own batch is done.
* After a large response nothing waits: the worker is behind, and the next response will be large too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.client import ConnectionGroup

from streams.worker.consumer.fetch.response_reader import FETCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

PACE_SECONDS = 0.01
# A response with more bytes is large.
SMALL_BYTES = 256 * 1024


class Batches(Protocol):
    """The batches that the agents have in hand. They are in another thread."""

    @property
    def in_hand(self) -> bool:
        """Whether any batch is being handled now."""

    def when_none(self, call: Callable[[], object], /) -> AbstractContextManager[None]:
        """Inside, make a call in the agents' thread whenever the last batch in hand is done."""


class PacedClient:
    """aiokafka's client, which waits before it sends a fetch as long as the rules say."""

    def __init__(self, client: Any, batches: Batches) -> None:
        """Wrap aiokafka's ``client``."""
        self._client = client
        self._batches = batches
        self._next: dict[Any, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        """Send a request to a broker."""
        if request.API_KEY != FETCH:
            return await self._client.send(node, request, group=group)
        await self._wait(node)
        response = await self._client.send(node, request, group=group)
        size = sum(len(fetched) for _, partitions in response.topics for *_, fetched in partitions if fetched)
        if 0 < size <= SMALL_BYTES:
            self._next[node] = asyncio.get_running_loop().time() + PACE_SECONDS
        else:
            self._next.pop(node, None)
        return response

    async def _wait(self, node: Any) -> None:
        loop = asyncio.get_running_loop()
        left = self._next.get(node, 0.0) - loop.time()
        if left <= 0 or not self._batches.in_hand:
            return
        done = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        with self._batches.when_none(tell), suppress(TimeoutError):
            if self._batches.in_hand:
                async with asyncio.timeout(left):
                    await done.wait()
