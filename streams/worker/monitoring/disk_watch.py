"""Looks at the worker's files every few seconds in a thread, and keeps the results.

A disk may answer slowly: a network volume, a GeoIP database of 100 MB, a store of a thousand files. In the event loop,
each request for metrics would then delay alerts and heartbeats.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog
from mode import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)

EVERY_SECONDS = 5.0


class Refreshable(Protocol):
    """Something that is read from files that may change, such as ``GeoLookup``."""

    def refresh(self) -> None:
        """Read the files that have changed; called in a thread."""


class DiskWatch(Service):  # type: ignore[misc]
    """A service of the worker. It looks once before it counts as started.

    Attributes:
        free_bytes: bytes free on the disk of the state directory; ``None`` if that is unknown.
        store_bytes: bytes of each store's files, RocksDB's logs included, by the store's path.
    """

    def __init__(
        self, state_dir: Path, store_paths: Callable[[], Iterable[str]], *refreshed: Refreshable, **kwargs: object
    ) -> None:
        """Watch a state directory, the stores at ``store_paths()``, and what is read again."""
        self._state_dir = state_dir
        self._store_paths = store_paths
        self._refreshed = refreshed
        self.free_bytes: int | None = None
        self.store_bytes: dict[str, int] = {}
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Look before the first alert."""
        await self.look()

    async def look(self) -> None:
        """Look at everything once, in a thread; a failure is logged."""
        try:
            await asyncio.to_thread(self._look, list(self._store_paths()))
        except Exception as failure:  # noqa: BLE001  a number for operators is no reason to stop detection
            log.warning("disk.unread", error=repr(failure))

    def _look(self, paths: list[str]) -> None:
        for one in self._refreshed:
            one.refresh()
        self.store_bytes = {path: _size(Path(path)) for path in paths}
        self.free_bytes = shutil.disk_usage(self._state_dir).free

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(EVERY_SECONDS)
            await self.look()


def _size(folder: Path) -> int:
    size = 0
    with suppress(FileNotFoundError):  # the partition was given up meanwhile
        for file in folder.iterdir():
            with suppress(FileNotFoundError):  # RocksDB removed the file meanwhile
                size += file.stat().st_size
    return size
