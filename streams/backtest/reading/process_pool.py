"""Reads tasks in processes, one per core, and hands their chunks to the caller as they arrive.

Rules:
- Chunks travel through one pipe per process, which holds little. A process that is ahead of the caller waits, so memory
  stays bounded.
- Each process has one task in hand and one waiting, so that it need not wait for the caller to give it the next.
- If a process ends before its tasks (killed because memory ran out, for example), that is an error, never a shorter
  result.
- When the caller ends, in whatever way, its processes end. So only the caller may hold its ends of their pipes, which a
  fork copies into every later process.
- Reading makes millions of short-lived objects, and no cycles among them. Python's cycle collector, which would run
  with every batch, is made to run rarely.
- A caller with one thread forks, which takes no time. A caller with more threads (a progress bar has one, librdkafka
  several) must not, because their locks would stay locked in the child: then a fork server makes the processes.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections import deque
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, ForkProcess, ForkServerContext, ForkServerProcess

    from streams.backtest.reading.tasks import Chunk, ReadSettings, Task

    _Context = ForkContext | ForkServerContext

_IN_HAND = 2
_YOUNG_OBJECTS = 100_000


class WorkerLostError(Exception):
    """A reading process ended before its work was done; the message says how."""


def gather(tasks: Sequence[Task], read_settings: ReadSettings, processes: int) -> Iterator[Chunk]:
    """Read all tasks in at most this many processes; in this one if one is enough.

    Raises:
        WorkerLostError: a process ended before its work was done.
    """
    workers = min(processes, len(tasks))
    with _rare_collections():
        if workers <= 1:
            for task in tasks:
                yield from task.read(read_settings)
            return
        context = _context([__name__, *{type(task).__module__ for task in tasks}])
        waiting = deque(tasks)
        team: list[_Worker] = []
        for _ in range(workers):
            team.append(_Worker(context, read_settings, [worker.connection for worker in team]))
        try:
            for worker in team * _IN_HAND:
                worker.give(waiting)
            yield from _chunks(team, waiting)
        finally:
            for worker in team:
                worker.end()


@contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG_OBJECTS)
    gc.freeze()  # imported modules stay, and need not be looked at
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def _context(modules: list[str]) -> _Context:
    """The way to make processes, which need these modules."""
    threads = Path("/proc/self/task")  # of Python and of libraries; only Linux shows them
    if threads.is_dir() and len(list(threads.iterdir())) == 1:
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(modules)
    return context


def _chunks(team: list[_Worker], waiting: deque[Task]) -> Iterator[Chunk]:
    busy = {worker.connection: worker for worker in team}
    while busy:
        for ready in wait(list(busy)):
            worker = busy[cast("Connection", ready)]
            chunk = worker.receive()
            if chunk is not None:
                yield chunk
                continue
            worker.give(waiting)
            if not worker.in_hand:
                del busy[worker.connection]


class _Worker:
    def __init__(self, context: _Context, read_settings: ReadSettings, earlier: list[Connection]) -> None:
        self.connection, other = context.Pipe()
        self.in_hand = 0
        inherited = [*earlier, self.connection] if context.get_start_method() == "fork" else []
        self._process: ForkProcess | ForkServerProcess = context.Process(
            target=_work, args=(other, read_settings, inherited), daemon=True
        )
        self._process.start()
        other.close()

    def give(self, waiting: deque[Task]) -> None:
        if not waiting:
            return
        try:
            self.connection.send(waiting.popleft())
        except OSError as error:
            raise self._lost() from error
        self.in_hand += 1

    def receive(self) -> Chunk | None:
        try:
            chunk: Chunk | None = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if chunk is None:
            self.in_hand -= 1
        return chunk

    def _lost(self) -> WorkerLostError:
        self._process.join()
        return WorkerLostError(f"a reading process ended early, with exit code {self._process.exitcode}")

    def end(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, read_settings: ReadSettings, inherited: list[Connection]) -> None:
    """The loop of a process: read a task, send its chunks, then ``None``; until the caller closes the pipe."""
    for end_of_caller in inherited:
        end_of_caller.close()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole process group; the caller ends its processes
    gc.set_threshold(_YOUNG_OBJECTS)
    while True:
        try:
            task: Task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            for chunk in task.read(read_settings):
                connection.send(chunk)
            connection.send(None)
        except BrokenPipeError:  # the caller is gone
            return
