"""Asks for the summaries that are due: it sends a ``Close`` for each to the sessions topic, and changes nothing (S9).

The rules:

* Only partitions that this worker owns, and has read to their end: a replay meets the closes that were sent before.
* Nothing while the source lags by more than the grace: what would be summed up may still be on its way.
* Each due time is asked for once. A close that comes twice, or from two owners, is no news.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog
from mode import Service

from streams.sessions.state import Close
from streams.wire.sessions import item as codec
from streams.worker.agents.sessions import source_lag
from streams.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from streams.worker.agents.sessions.trace import Indexes
    from streams.worker.state.table import OpenStore

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0


class Sender(Protocol):
    """Sends the closes."""

    async def send_all(self, records: Sequence[Outgoing], /) -> object:
        """Return once the broker has acknowledged all of them."""


class Table(Protocol):
    """The sessions' table."""

    def stores(self) -> Sequence[OpenStore]:
        """The stores that are open here."""


class Progress(source_lag.Progress, Protocol):
    """How far a partition has been handled."""

    @property
    def lag(self) -> int | None:
        """How many messages are still to be handled; ``None`` while that is not known."""


class Consumer(Protocol):
    """What is asked of the consumer."""

    def progress(self) -> Iterable[Progress]:
        """How far each partition of the agents' topics has been handled."""


class Worker(Protocol):
    """What is asked of the worker."""

    ready: bool
    source_topics: frozenset[str]

    @property
    def consumer(self) -> Consumer:
        """The consumer."""

    @property
    def sessions(self) -> Table:
        """The sessions' table."""

    async def stop_with(self, failure: BaseException, /) -> None:
        """Stop the worker because of a failure."""


class Closer(Service):  # type: ignore[misc]
    """A service of the worker."""

    def __init__(self, app: Worker, topic: str, indexes: Indexes, grace: int, sender: Sender, **kwargs: object) -> None:
        """Look at what is due, every 10 s or every quarter of the grace where that is shorter.

        Args:
            app: the worker.
            topic: the sessions topic.
            indexes: what is due, by partition.
            grace: the setting ``session_grace`` in milliseconds.
            sender: sends the closes.
            **kwargs: mode's own.
        """
        self._app = app
        self._topic = topic
        self._indexes = indexes
        self._grace = grace
        self._sender = sender
        self._asked: dict[str, int] = {}
        self._lag = source_lag.SourceLag()
        super().__init__(**kwargs)

    @Service.task  # type: ignore[untyped-decorator]
    async def _look_again_and_again(self) -> None:
        while not self.should_stop:
            await self.sleep(min(LOOK_SECONDS, self._grace / 4000))
            try:
                await self.look(time.time_ns() // 1_000_000)
            except Exception as failure:  # noqa: BLE001  a broker that refuses a close stops the worker, as any refusal
                await self._app.stop_with(failure)
                return

    async def look(self, now: int) -> None:
        """Send a close for each summary that is due at ``now``, in milliseconds since the epoch."""
        if not self._app.ready:
            return
        progress = list(self._app.consumer.progress())
        sources = (found for found in progress if found.topic in self._app.source_topics)
        if self._lag.look(time.monotonic(), sources) * 1000 > self._grace:
            return
        behind = {found.partition for found in progress if found.topic == self._topic and found.lag != 0}
        closes = list(self._closes(now, behind))
        if closes:
            await self._sender.send_all(closes)

    def _closes(self, now: int, behind: Collection[int]) -> Iterator[Outgoing]:
        still_due: dict[str, int] = {}
        for partition, is_active, store in self._app.sessions.stores():
            if not is_active or partition in behind:
                continue
            for key, due in self._indexes.of(partition, store).due(now):
                still_due[key] = due
                if self._asked.get(key) != due:
                    value = codec.encode(Close(key, due, now))
                    yield Outgoing(self._topic, key.encode(), value, partition=partition)
        self._asked = still_due
