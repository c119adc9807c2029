"""Tells one service of notices, one after the other, in a thread of its own: a service that is away delays no other.

Rules:
- A notice is tried until the service takes it, with growing pauses, for ``Patience.give_up`` seconds at most.
- A service that refuses the text for good is told at once the short text, which holds nothing that a caller has chosen.
  So no notice is refused for what it says, and whatever is still refused is the URL's fault or the service's.
- The service's own failures (HTTP 500 and the like) may be the text's fault as well. So from the fourth attempt on the
  short text is tried after the whole one.
- After ``give_up`` the notice is left, with an error line that names it: ``refused``, or ``undelivered`` if the service
  was only away. The alert itself stays on its topic.
"""

from __future__ import annotations

import queue
import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import structlog
import tenacity

from streams.notices.sending.replies import Reply, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.kafka.readers.group import Place
    from streams.notices.messages.notice import Notice
    from streams.notices.sending.progress import Progress
    from streams.notices.sending.service import Service

log = structlog.get_logger(__name__)

WAITING_NOTICES = 10_000
_DOUBTS = 4
_LOOK = 0.2


class Outcome(StrEnum):
    """What became of a notice for one service."""

    SENT = "sent"
    SHORTENED = "shortened"
    REFUSED = "refused"
    UNDELIVERED = "undelivered"


FAILURES = (Outcome.REFUSED, Outcome.UNDELIVERED)


class Patience(NamedTuple):
    """Times in seconds.

    Attributes:
        first: the pause after the first failed attempt; each further one is twice as long.
        longest: the longest pause between attempts, unless the service asks for more.
        refused: the shortest pause after a refusal for good: nobody mends a URL in a second.
        give_up: how long after the first attempt a notice is left; infinite for never.
    """

    first: float = 1.0
    longest: float = 300.0
    refused: float = 30.0
    give_up: float = 86_400.0


class Task(NamedTuple):
    """A record for a service: where it was read, and the notice that it gives, if any."""

    place: Place
    offset: int
    turn: int | None
    notice: Notice | None


class Sender(threading.Thread):
    """The thread of one service.

    Args:
        service: the service.
        service_id: what it is called in ``progress``.
        progress: how far it has come.
        patience: how it waits.
        count: is told each outcome, and the name of the service.
    """

    def __init__(
        self,
        service: Service,
        service_id: str,
        progress: Progress,
        patience: Patience,
        count: Callable[[str, Outcome], None],
    ) -> None:
        super().__init__(name=service.name, daemon=True)
        self._service = service
        self._id = service_id
        self._progress = progress
        self._patience = patience
        self._count = count
        self._tasks: queue.Queue[Task] = queue.Queue()
        self._is_busy = False
        self._stopping = threading.Event()

    @property
    def is_full(self) -> bool:
        """Whether so many records wait that no more should be read."""
        return self.waiting >= WAITING_NOTICES

    @property
    def waiting(self) -> int:
        """How many records wait, the one in hand included."""
        return self._tasks.qsize() + self._is_busy

    def add(self, task: Task) -> None:
        """Let a record wait for its turn."""
        self._tasks.put(task)

    def stop(self) -> None:
        """Finish the attempt in hand, and no more."""
        self._stopping.set()

    def run(self) -> None:
        """Handle records until told to stop."""
        while not self._stopping.is_set():
            try:
                task = self._tasks.get(timeout=_LOOK)
            except queue.Empty:
                continue
            self._is_busy = True
            if self._is_due(task) and (task.notice is None or self._deliver(task, task.notice)):
                self._progress.done(task.place, task.turn, self._id, task.offset)
            self._is_busy = False
            if task.notice is not None:
                self._rest(self._service.pause)

    def _is_due(self, task: Task) -> bool:
        return self._progress.is_due(task.place, task.turn, self._id, task.offset)

    def _deliver(self, task: Task, notice: Notice) -> bool:
        """Tell the service until it takes the notice or it is time to leave it; False if it is to be told later."""
        started = time.monotonic()
        attempts = 0
        is_short = False
        reply = Reply(Verdict.UNAVAILABLE, "")

        def attempt() -> Reply:
            nonlocal attempts, is_short, reply
            if attempts and (self._stopping.is_set() or not self._is_due(task)):
                return reply  # the pause before was cut short
            attempts += 1
            reply, is_short = self._attempt(notice, attempts)
            if reply.verdict is not Verdict.ACCEPTED:
                self._tell("notice.retry", notice, attempts, reply)
            return reply

        def is_over(_: tenacity.RetryCallState) -> bool:
            late = time.monotonic() - started >= self._patience.give_up
            return late or self._stopping.is_set() or not self._is_due(task)

        reply = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda reply: reply.verdict is not Verdict.ACCEPTED),
            wait=self._pause,
            sleep=self._rest,
            stop=is_over,
            retry_error_callback=lambda _: reply,
        )(attempt)
        if reply.verdict is Verdict.ACCEPTED:
            self._end(Outcome.SHORTENED if is_short else Outcome.SENT, notice, attempts, reply)
            return True
        if self._stopping.is_set() or not self._is_due(task):
            return False
        self._end(Outcome.REFUSED if reply.verdict is Verdict.REFUSED else Outcome.UNDELIVERED, notice, attempts, reply)
        return True

    def _attempt(self, notice: Notice, number: int) -> tuple[Reply, bool]:
        """One attempt: the answer, and whether it is that to the short text."""
        reply = self._service.send(notice)
        is_doubtful = reply.verdict is Verdict.REFUSED or (reply.reached and number >= _DOUBTS)
        is_short = reply.verdict is not Verdict.ACCEPTED and is_doubtful
        if is_short:
            reply = self._service.send(notice, short=True)
        return reply, is_short

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """The seconds until the next attempt."""
        reply: Reply = state.outcome.result() if state.outcome else Reply(Verdict.UNAVAILABLE, "")
        patience = self._patience
        grown = tenacity.wait_exponential(multiplier=patience.first, max=patience.longest)(state)
        jitter = tenacity.wait_random(0, patience.first)(state)  # several processes do not come back at once
        least = patience.refused if reply.verdict is Verdict.REFUSED else 0.0
        return max(grown, least, reply.wait, self._service.pause) + jitter

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _end(self, outcome: Outcome, notice: Notice, attempts: int, reply: Reply) -> None:
        self._count(self._service.name, outcome)
        self._tell(f"notice.{outcome}", notice, attempts, reply)

    def _tell(self, event: str, notice: Notice, attempts: int, reply: Reply) -> None:
        tell = {"notice.sent": log.info, "notice.refused": log.error, "notice.undelivered": log.error}
        tell.get(event, log.warning)(
            event,
            service=self._service.name,
            kind=notice.kind,
            key=notice.key,
            severity=notice.severity,
            attempts=attempts,
            answer=reply.words,
        )
