"""A worker that kills itself: ``python crashing_worker.py STEP COUNT`` dies at the COUNT-th step of this name.

With ``SIGSTOP`` as third argument it stops there instead, until it gets SIGCONT.
A2 must hold between these steps. Further steps: ``restored``, a part of the changelog is written in a recovery; and
``one-KIND``, the broker has acknowledged one record of this kind, and the others of its batch are not sent. For that
the sender then sends each record alone, and waits for the acknowledgement of each record of this kind.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import wraps
from typing import Any

from streams import settings
from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.sender import Sender
from streams.worker.process import run
from streams.worker.state.table import MemoryTable, SessionsTable

STEPS = (
    "sightings-sent",
    "before-alerts",
    "alerts-sent",
    "before-changelog",
    "changelog-sent",
    "memory-written",
    "before-commit",
    "committed",
)
# The same of root sessions, from the candidates that sight sends to the summaries.
SESSION_STEPS = (
    "one-sightings",
    "one-alerts",
    "one-sessions",
    "sessions-sent",
    "before-activity",
    "one-activity",
    "activity-sent",
    "one-sessions-changelog",
    "sessions-changelog-sent",
    "sessions-written",
    "before-session-summaries",
    "session-summaries-sent",
    "committed",
)


class Fuse:
    """Sends this process a signal when it passes ``step`` for the ``count``-th time."""

    def __init__(self, step: str, count: int, sent: signal.Signals = signal.SIGKILL) -> None:
        self._sent = sent
        self._step = step
        self._left = count

    def passing(self, step: str) -> None:
        """Die here if this is the step and the count."""
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._sent)

    def lay(self) -> None:
        """Make the worker pass every step."""
        Sender.send_all = self._around_sending(Sender.send_all)
        if self._step.startswith("one-"):
            Sender._grouped = self._alone(Sender._grouped)  # noqa: SLF001  the only step that sees batches
            Sender._send = self._one_by_one(Sender._send)  # noqa: SLF001  the only step with a single record
        SessionsTable.apply = self._after(SessionsTable.apply, "sessions-written")
        MemoryTable.apply = self._after(MemoryTable.apply, "memory-written")
        MemoryTable.restore = self._after(MemoryTable.restore, "restored")
        Consumer._commit = self._around_committing(Consumer._commit)  # noqa: SLF001  Faust's hook for drivers

    def _around_sending(self, send_all: Any) -> Any:
        async def sending(sender: Sender, records: Any) -> Any:
            kinds = {kind_of(record.topic) for record in records}
            for kind in kinds:
                self.passing(f"before-{kind}")
            sent = await send_all(sender, records)
            for kind in kinds:
                self.passing(f"{kind}-sent")
            return sent

        return sending

    def _alone(self, grouped: Any) -> Any:
        async def grouping(sender: Sender, records: Any) -> list[Any]:
            groups = []
            for position, record in enumerate(records):
                (group,) = await grouped(sender, [record])
                group.positions = [position]
                groups.append(group)
            return groups

        return grouping

    def _one_by_one(self, send: Any) -> Any:
        async def sending(sender: Sender, group: Any) -> Any:
            acknowledged = await send(sender, group)
            if self._step == f"one-{kind_of(group.topic)}":
                await acknowledged
                self.passing(self._step)
            return acknowledged

        return sending

    def _after(self, function: Any, step: str) -> Any:
        @wraps(function)
        def calling(*args: Any) -> None:
            function(*args)
            self.passing(step)

        return calling

    def _around_committing(self, commit: Any) -> Any:
        async def committing(consumer: Consumer, offsets: Any) -> bool:
            self.passing("before-commit")
            done: bool = await commit(consumer, offsets)
            self.passing("committed")
            return done

        return committing


def kind_of(topic: str) -> str:
    """``alerts``, ``changelog`` (the memory's), ``sessions-changelog`` or another of the deployment's topics."""
    if topic.endswith("-changelog"):
        return "sessions-changelog" if topic.endswith("-sessions-changelog") else "changelog"
    last = topic.rpartition(".")[2]
    return "alerts" if last == "overflow" else last


if __name__ == "__main__":
    Fuse(sys.argv[1], int(sys.argv[2]), signal.Signals[(sys.argv[3:] or ["SIGKILL"])[0]]).lay()
    run(settings.load())
