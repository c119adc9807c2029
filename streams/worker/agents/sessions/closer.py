"""Asks for the summaries that are due: it sends a ``Close`` for each to the sessions topic, and changes nothing (S9).

The rules:

* Only partitions that this worker owns, and has read to their end: a replay meets the closes that were sent before.
* Nothing while the source lags by more than the grace: what would be summed up may still be on its way. The actions of
  a session come from any partition of the source, also through other workers. So the whole group must not lag.
* Each due time is asked for once. A close that comes twice, or from two owners, is no news.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog
from mode import Service

from streams.sessions.joining.state import Close
from streams.wire.sessions import item as codec
from streams.worker.agents.sessions import source_lag
from streams.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from streams.worker.agents.sessions.trace import Indexes

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0


class Sender(Protocol):
    """Sends the closes."""

    async def send_all(self, records: Sequence[Outgoing], /) -> object:
        """Return once the broker has acknowledged all of them."""


class Progress(source_lag.Progress, Protocol):
    """How far a partition has been handled."""

    @property
    def lag(self) -> int | None:
        """How many messages are still to be handled; ``None`` while that is not known."""


class Consumer(Protocol):
    """What is asked of the consumer."""

    def progress(self) -> Iterable[Progress]:
        """How far each partition of the agents' topics that this worker has was handled."""

    async def source_progress(self) -> Sequence[source_lag.Progress] | None:
        """How far the group has handled the source topics; ``None`` if the broker does not say."""


class Worker(Protocol):
    """What is asked of the worker."""

    ready: bool

    @property
    def should_stop(self) -> bool:
        """Whether it is stopping."""

    @property
    def consumer(self) -> Consumer:
        """The consumer."""

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
                if not self._app.should_stop:  # else its clients have stopped before this
                    await self._app.stop_with(failure)
                return

    async def look(self, now: int) -> None:
        """Send a close for each summary that is due at ``now``, in milliseconds since the epoch."""
        if not self._owns_partitions() or await self._source_lags():
            return
        if not self._owns_partitions():
            return  # a rebalance has begun meanwhile
        behind = {
            found.partition
            for found in self._app.consumer.progress()
            if found.topic == self._topic and (found.done is None or found.lag != 0)
        }
        closes = list(self._closes(now, behind))
        if closes:
            await self._sender.send_all(closes)

    async def _source_lags(self) -> bool:
        """Whether the source lags by more than the grace, or it is not known."""
        asked = time.monotonic()
        sources = await self._app.consumer.source_progress()
        return sources is None or self._lag.look(asked, sources) * 1000 > self._grace

    def _owns_partitions(self) -> bool:
        return self._app.ready

    def _closes(self, now: int, behind: Collection[int]) -> Iterator[Outgoing]:
        still_due: dict[str, int] = {}
        for partition, index in self._indexes.active().items():
            if partition in behind:
                continue
            for key, due in index.due(now):
                still_due[key] = due
                if self._asked.get(key) != due:
                    value = codec.encode(Close(key, due, now))
                    yield Outgoing(self._topic, key.encode(), value, partition=partition)
        self._asked = still_due
