"""A worker that holds in the middle of its work until it gets SIGTERM: ``python holding_worker.py WHERE [FILE]``.

So the work that a test wants to stop is surely under way, on a fast or slow machine. When it holds, the worker prints
``held: WHERE`` on stderr. The positions:

* ``batch``: the alerts of a batch are sent, and nothing of it is stored. After SIGTERM the batch goes on.
* ``recovery``: a part of the changelog was fetched and is not written. After SIGTERM the recovery stays there.
* ``stuck``: as ``batch``. After SIGTERM nothing goes on, and the event loop is blocked.

Not until SIGTERM, but until FILE exists:

* ``source``: partition 0 of the source topics is not read. Each look at the sessions that are due prints ``looked``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

from crashing_worker import kind_of

from streams import settings
from streams.worker.agents.sessions.closer import Closer
from streams.worker.app import WorkerApp
from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.fetch.fetch_thread import ActivePartitions
from streams.worker.consumer.sender import Sender
from streams.worker.process import run


class Gate:
    """Holds the worker until it gets SIGTERM."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._stop_requested = asyncio.Event()

    def build(self) -> None:
        """Make the worker pass here."""
        WorkerApp.on_stop = self._noting_stop(WorkerApp.on_stop)
        if self._where == "recovery":
            Consumer._restore = self._instead_of_restoring()  # noqa: SLF001  the only step that may wait
        else:
            Sender.send_all = self._after_alerts(Sender.send_all)

    async def _hold(self) -> None:
        if not self._stop_requested.is_set():
            sys.stderr.write(f"held: {self._where}\n")
        await self._stop_requested.wait()
        if self._where == "stuck":
            threading.Event().wait()

    def _noting_stop(self, on_stop: Any) -> Any:
        async def stopping(app: WorkerApp) -> None:
            # What waits for this runs after everything that the worker does before its first wait.
            self._stop_requested.set()
            await on_stop(app)

        return stopping

    def _after_alerts(self, send_all: Any) -> Any:
        async def sending(sender: Sender, records: Any) -> Any:
            sent = await send_all(sender, records)
            if "alerts" in {kind_of(record.topic) for record in records}:
                await self._hold()
            return sent

        return sending

    def _instead_of_restoring(self) -> Any:
        async def restoring(_consumer: Consumer, changelogs: Any) -> None:
            if changelogs:
                await self._hold()

        return restoring


def hold_source(topics: frozenset[str], release: Path) -> None:
    """Read nothing of the first partition of these topics until the file exists."""
    is_active, look = ActivePartitions.__contains__, Closer.look

    def is_read(partitions: ActivePartitions, tp: Any) -> bool:
        is_held = tp.topic in topics and tp.partition == 0 and not release.exists()
        return is_active(partitions, tp) and not is_held

    async def looked(closer: Closer, now: int) -> None:
        await look(closer, now)
        sys.stderr.write("looked\n")

    ActivePartitions.__contains__ = is_read  # type: ignore[method-assign]
    Closer.look = looked  # type: ignore[method-assign]


if __name__ == "__main__":
    if sys.argv[1] == "source":
        hold_source(frozenset(settings.load().source_topics), Path(sys.argv[2]))
    else:
        Gate(sys.argv[1]).build()
    run(settings.load())
