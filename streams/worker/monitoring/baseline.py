"""The baseline's state, for operators: whether the worker learns or alerts, and how much it remembers.

RocksDB's estimate of its entries is always available. The number of tuples and the age of the oldest need a census,
which reads every entry. It reads a few at a time, with pauses between, so that it takes a twentieth of the event loop's
time and no alert waits for it.
"""

from __future__ import annotations

import time
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Protocol, TypedDict

import structlog
from mode import Service

from streams.wire.stored import memory as codec
from streams.wire.timestamps import to_iso8601
from streams.worker.state.entries import stored_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.worker.state.entries import Store
    from streams.worker.state.table import OpenStore

log = structlog.get_logger(__name__)

_STEP = 250
_PAUSE_SECONDS = 0.02
_BETWEEN_SECONDS = 60.0


class Table(Protocol):
    """The memory's table, as the baseline uses it."""

    def stores(self) -> Sequence[OpenStore]:
        """Return the stores that are open here, by partition."""

    def estimated_entries(self) -> int:
        """RocksDB's estimate of how many entries the partitions held here have."""


class State(TypedDict):
    """The baseline's state as ``/readyz`` and the log show it; times as RFC 3339."""

    state: str
    learn_until: str | None
    estimated_entries: int
    pairs: int | None
    oldest_sighting: str | None


class Baseline(Service):  # type: ignore[misc]
    """A service of the worker that knows the baseline's state.

    Attributes:
        learn_until: the setting, in milliseconds since the epoch.
        pairs: how many tuples this worker's own partitions remember, by the last census; ``None`` before the first one.
        oldest: when the oldest was first seen, in milliseconds since the epoch; ``None`` if there is none.
    """

    def __init__(self, table: Table, learn_until: int | None, is_ready: Callable[[], bool], **kwargs: object) -> None:
        """Watch a table.

        Args:
            table: the memory's table.
            learn_until: the setting, in milliseconds since the epoch.
            is_ready: whether the table is recovered.
            **kwargs: for mode's ``Service``.
        """
        self._table = table
        self.learn_until = learn_until
        self._is_ready = is_ready
        self._warned = False
        self.pairs: int | None = None
        self.oldest: int | None = None
        super().__init__(**kwargs)

    @property
    def learning(self) -> bool:
        """Whether a sighting of now teaches and does not alert (M6)."""
        return self.learn_until is not None and time.time() * 1000 <= self.learn_until

    def describe(self) -> State:
        """Return the state."""
        until = self.learn_until
        return {
            "state": "learning" if self.learning else "live",
            "learn_until": None if until is None else to_iso8601(until),
            "estimated_entries": self._table.estimated_entries(),
            "pairs": self.pairs,
            "oldest_sighting": None if self.oldest is None else to_iso8601(self.oldest),
        }

    def announce(self) -> None:
        """Log the baseline's state, and warn if the memory is empty (M6)."""
        log.info("baseline", **self.describe())
        if self._warned or self.learn_until is not None or not self._is_empty():
            return
        self._warned = True
        log.warning(
            "baseline.empty",
            consequence="nothing is remembered: everything is new and will alert",
            fix="seed the past with `rootwatch warm-up`, or set learn_until",
        )

    def _is_empty(self) -> bool:
        own = self._own_stores()
        return bool(own) and not any(next(_pairs(store, b""), None) for store in own.values())

    def _own_stores(self) -> dict[int, Store]:
        """The stores of this worker's own partitions, by partition."""
        return {partition: store for partition, is_active, store in self._table.stores() if is_active}

    @Service.task  # type: ignore[untyped-decorator]
    async def _census(self) -> None:
        while not self.should_stop:
            try:
                took_place = self._is_ready() and await self._count()
            except Exception as failure:  # noqa: BLE001  a number for operators is no reason to stop detection
                log.warning("baseline.uncounted", error=repr(failure))
                took_place = True
            await self.sleep(_BETWEEN_SECONDS if took_place else 1.0)

    async def _count(self) -> bool:
        """Read every pair once; false if partitions came or went meanwhile, which makes the count invalid."""
        own = list(self._own_stores())
        pairs = 0
        oldest: int | None = None
        for number in own:
            after = b""
            while True:
                stores = self._own_stores()
                if list(stores) != own or not self._is_ready():
                    return False
                some = list(islice(_pairs(stores[number], after), _STEP))
                pairs += len(some)
                seen = [codec.decode_tuple(value).first_seen for _, value in some]
                oldest = min(seen if oldest is None else [oldest, *seen], default=None)
                if len(some) < _STEP:
                    break
                after = some[-1][0] + b"\0"
                await self.sleep(_PAUSE_SECONDS)
        self.pairs, self.oldest = pairs, oldest
        return True


def _pairs(store: Store, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of tuples, from the first key at or after ``start``."""
    entries = stored_from(store, max(start, codec.ALL_TUPLES))
    return takewhile(lambda entry: entry[0].startswith(codec.ALL_TUPLES), entries)
