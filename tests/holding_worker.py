"""A worker that holds in the middle of its work until it is told to stop: ``python holding_worker.py WHERE``.

What a test wants to see stopped is so under way for certain, however fast or slow the machine is. Once it holds, the
worker says ``held: WHERE`` on stderr. The places:

* ``batch``: a batch's alerts are sent and nothing of it is kept; told to stop, the batch goes on.
* ``recovery``: a part of the changelog has come and is not written; told to stop, recovery gets no further.
* ``stuck``: as ``batch``; told to stop, nothing goes on any more, the event loop included.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from crashing_worker import kind_of

from streams import settings
from streams.worker.app import WorkerApp
from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.sender import Sender
from streams.worker.process import run


class Gate:
    """Where the worker holds until it is told to stop."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._told = asyncio.Event()

    def build(self) -> None:
        """Have the worker come by here."""
        WorkerApp.on_stop = self._telling(WorkerApp.on_stop)
        if self._where == "recovery":
            Consumer._restore = self._instead_of_restoring()  # noqa: SLF001  the one place that is not in a hurry
        else:
            Sender.send_all = self._after_alerts(Sender.send_all)

    async def _hold(self) -> None:
        if not self._told.is_set():
            sys.stderr.write(f"held: {self._where}\n")
        await self._told.wait()
        if self._where == "stuck":
            threading.Event().wait()

    def _telling(self, on_stop: Any) -> Any:
        async def stopping(app: WorkerApp) -> None:
            self._told.set()  # what waits for it comes after all that the worker does before its first wait
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


if __name__ == "__main__":
    Gate(sys.argv[1]).build()
    run(settings.load())
