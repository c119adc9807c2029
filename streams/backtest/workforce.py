"""Reads tasks in processes, one a core, and hands their parts to the caller as they come.

Rules:
- Parts travel through one pipe a process, which holds little: a process that is ahead of the caller waits, so memory
  stays bounded.
- Each process has one task in hand and one waiting, so that it does not wait for the caller to give it the next.
- A process that ends before its tasks do (killed for want of memory, say) is an error that says so, never a shorter
  result.
- Processes come from a fork server: the caller may hold threads, of librdkafka or a progress bar, that must not be
  forked.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    from streams.backtest.parts import Part, Task
    from streams.backtest.reader import Reading

_IN_HAND = 2


class WorkerLostError(Exception):
    """A reading process ended before its work; the message says how."""


def gather(tasks: Sequence[Task], reading: Reading, processes: int) -> Iterator[Part]:
    """Read all tasks in up to so many processes; in this one if that is one, or if there is but one task.

    Raises:
        WorkerLostError: a process ended before its work.
    """
    workers = min(processes, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield from task.read(reading)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *{type(task).__module__ for task in tasks}])
    waiting = deque(tasks)
    team = [_Worker(context, reading) for _ in range(workers)]
    try:
        for worker in team * _IN_HAND:
            worker.give(waiting)
        yield from _parts(team, waiting)
    finally:
        for worker in team:
            worker.end()


def _parts(team: list[_Worker], waiting: deque[Task]) -> Iterator[Part]:
    busy = {worker.connection: worker for worker in team}
    while busy:
        for ready in wait(list(busy)):
            worker = busy[cast("Connection", ready)]
            part = worker.receive()
            if part is not None:
                yield part
                continue
            worker.give(waiting)
            if not worker.in_hand:
                del busy[worker.connection]


class _Worker:
    def __init__(self, context: ForkServerContext, reading: Reading) -> None:
        self.connection, other = context.Pipe()
        self.in_hand = 0
        self._process: ForkServerProcess = context.Process(target=_work, args=(other, reading), daemon=True)
        self._process.start()
        other.close()

    def give(self, waiting: deque[Task]) -> None:
        if waiting:
            self.connection.send(waiting.popleft())
            self.in_hand += 1

    def receive(self) -> Part | None:
        try:
            part: Part | None = self.connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise WorkerLostError(f"a reading process ended early, with exit code {self._process.exitcode}") from error
        if part is None:
            self.in_hand -= 1
        return part

    def end(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, reading: Reading) -> None:
    """A process's life: read a task, send its parts, then ``None``; until the caller hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the caller ends its processes
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError):
            return
        for part in task.read(reading):
            connection.send(part)
        connection.send(None)
