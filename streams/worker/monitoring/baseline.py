"""The baseline's state, for operators: whether the worker learns or alerts, and how much it remembers.

RocksDB's estimate of its entries is at hand at any time. How many pairs there are and since when takes a census, which
reads every entry: a few at a time with pauses between, so that it takes a twentieth of the event loop's time and no
alert waits for it.
"""

from __future__ import annotations

import time
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import structlog
from faust.types import TP
from mode import Service

from streams.wire import memory as codec
from streams.wire.timestamps import to_iso8601
from streams.worker.state.table import stored_from

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

_STEP = 250
_PAUSE_SECONDS = 0.02
_BETWEEN_SECONDS = 60.0


class Baseline(Service):  # type: ignore[misc]
    """Knows the baseline's state; a service of the worker.

    Attributes:
        pairs: how many pairs this worker's own partitions remember, by the last census; ``None`` before the first.
        oldest: when the pair remembered longest was first seen, in milliseconds since the epoch; ``None`` without one.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        self._app = app
        self._warned = False
        self.pairs: int | None = None
        self.oldest: int | None = None
        super().__init__(**kwargs)

    @property
    def learning(self) -> bool:
        """Whether what happens now teaches and does not alert (M6)."""
        until = self._app.decision_settings.learn_until
        return until is not None and time.time() * 1000 <= until

    def stores(self) -> list[tuple[int, bool, Any]]:
        """The RocksDB stores that are open here: partition, whether it is this worker's own, store."""
        app = self._app
        own = app.assignor.assigned_actives()
        topic = app.memory.changelog_topic_name
        opened = sorted(app.memory.data._dbs.items())  # noqa: SLF001  the store has no public way to its partitions
        return [(number, TP(topic, number) in own, store) for number, store in opened]

    def describe(self) -> dict[str, Any]:
        """The state as ``/readyz`` and the log show it; times as RFC 3339."""
        until = self._app.decision_settings.learn_until
        return {
            "state": "learning" if self.learning else "live",
            "learn_until": None if until is None else to_iso8601(until),
            "estimated_entries": self._app.memory.estimated_entries(),
            "pairs": self.pairs,
            "oldest_sighting": None if self.oldest is None else to_iso8601(self.oldest),
        }

    def announce(self) -> None:
        """Say in the log how the baseline stands, and say it loudly if there is none (M6)."""
        log.info("baseline", **self.describe())
        if self._warned or self._app.decision_settings.learn_until is not None or not self._is_empty():
            return
        self._warned = True
        log.warning(
            "baseline.empty",
            consequence="nothing is remembered: every pair is new and will alert",
            fix="seed the past with `rootwatch warm-up`, or set learn_until",
        )

    def _is_empty(self) -> bool:
        own = [store for _, active, store in self.stores() if active]
        return bool(own) and not any(next(_pairs(store, b""), None) for store in own)

    @Service.task  # type: ignore[untyped-decorator]
    async def _census(self) -> None:
        while not self.should_stop:
            try:
                took_place = self._app.ready and await self._count()
            except Exception as failure:  # noqa: BLE001  a number for operators is no reason to stop detection
                log.warning("baseline.uncounted", error=repr(failure))
                took_place = True
            await self.sleep(_BETWEEN_SECONDS if took_place else 1.0)

    async def _count(self) -> bool:
        """Read every pair once; false if partitions came or went meanwhile, which makes the count void."""
        own = [number for number, active, _ in self.stores() if active]
        pairs = 0
        oldest: int | None = None
        for number in own:
            after = b""
            while True:
                stores = {number: store for number, active, store in self.stores() if active}
                if list(stores) != own or not self._app.ready:
                    return False
                some = list(islice(_pairs(stores[number], after), _STEP))
                pairs += len(some)
                seen = [codec.decode_pair(value).first_seen for _, value in some]
                oldest = min(seen if oldest is None else [oldest, *seen], default=None)
                if len(some) < _STEP:
                    break
                after = some[-1][0] + b"\0"
                await self.sleep(_PAUSE_SECONDS)
        self.pairs, self.oldest = pairs, oldest
        return True


def _pairs(store: Any, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of pairs, from the first whose key is not before ``start``."""
    entries = stored_from(store, max(start, codec.ALL_PAIRS))
    return takewhile(lambda entry: entry[0].startswith(codec.ALL_PAIRS), entries)
