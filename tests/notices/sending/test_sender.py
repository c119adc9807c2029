from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING

import notice_samples as samples
import pytest
from worker_process import wait_for

from streams.kafka.readers.group import Place, Position
from streams.notices.messages import text
from streams.notices.messages.alert import alert_notice
from streams.notices.messages.notice import Runbook
from streams.notices.sending.progress import Progress
from streams.notices.sending.replies import Reply, Verdict
from streams.notices.sending.sender import WAITING_NOTICES, Outcome, Patience, Sender, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.notices.messages.notice import Notice

PLACE = Place("alerts", 0)
ACCEPTED = Reply(Verdict.ACCEPTED, "accepted")
BUSY = Reply(Verdict.UNAVAILABLE, "HTTP 503")
AWAY = Reply(Verdict.UNAVAILABLE, "no answer: ConnectTimeout", reached=False)
REFUSED = Reply(Verdict.REFUSED, "HTTP 400")
QUICK = Patience(first=0.001, longest=0.002, refused=0.001, give_up=inf)


class FakeService:
    """Gives the replies in their order, and then accepts; ``told`` has each notice's key and whether it was short."""

    name = "fake-1"
    pause = 0.0

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies)
        self.told: list[tuple[str, bool]] = []
        self.always: Reply | None = None

    def words(self, notice: Notice) -> text.Text:
        """The plain text."""
        return text.plain(notice)

    def send(self, notice: Notice, *, short: bool = False) -> Reply:
        """The next reply."""
        self.told.append((notice.key, short))
        return self.replies.popleft() if self.replies else self.always or ACCEPTED


class Bench:
    """A running sender of one service, whose partition is assigned."""

    def __init__(self, service: FakeService, patience: Patience) -> None:
        self.service = service
        self.progress = Progress(["id"])
        self.progress.assign({PLACE: Position(0, "")})
        self.outcomes: list[Outcome] = []
        self.sender = Sender(service, "id", self.progress, patience, lambda _, outcome: self.outcomes.append(outcome))

    def add(self, offset: int, *, told: bool = True) -> None:
        """Let a record wait; ``told`` says whether it gives a notice."""
        notice = alert_notice(samples.alert(alert_id=f"alert-{offset}"), Runbook()) if told else None
        self.sender.add(Task(PLACE, offset, self.progress.turn(PLACE), notice))

    @property
    def offset(self) -> int:
        """What would be committed."""
        return self.progress.news().get(PLACE, Position(0, "")).offset


@contextmanager
def running(service: FakeService, patience: Patience = QUICK) -> Iterator[Bench]:
    bench = Bench(service, patience)
    bench.sender.start()
    try:
        yield bench
    finally:
        bench.sender.stop()
        bench.sender.join(60)
        assert not bench.sender.is_alive()


def test_in_order() -> None:
    """Notices are told one after the other, and what gives none is passed over."""
    with running(FakeService()) as bench:
        for offset in range(5):
            bench.add(offset, told=offset % 2 == 0)
        wait_for(lambda: bench.offset == 5, "all is handled")
    assert bench.service.told == [("alert-0", False), ("alert-2", False), ("alert-4", False)]
    assert bench.outcomes == [Outcome.SENT] * 3


@pytest.mark.parametrize(
    ("replies", "told", "outcome"),
    [
        ((), "W", Outcome.SENT),
        ((BUSY, BUSY), "WWW", Outcome.SENT),
        ((AWAY,) * 6, "WWWWWWW", Outcome.SENT),
        ((REFUSED,), "WS", Outcome.SHORTENED),
        ((REFUSED, REFUSED), "WSW", Outcome.SENT),
        ((REFUSED, BUSY, REFUSED), "WSWS", Outcome.SHORTENED),
        ((BUSY,) * 4, "WWWWS", Outcome.SHORTENED),
        ((BUSY,) * 5, "WWWWSW", Outcome.SENT),
    ],
)
def test_attempts(replies: tuple[Reply, ...], told: str, outcome: Outcome) -> None:
    """What follows what: W is the whole text, S the short one. Each attempt begins with the whole one."""
    with running(FakeService(*replies)) as bench:
        bench.add(0)
        wait_for(lambda: bench.offset == 1, "the notice has an outcome")
    assert "".join("S" if short else "W" for _, short in bench.service.told) == told
    assert bench.outcomes == [outcome]


@pytest.mark.parametrize(("reply", "outcome"), [(REFUSED, Outcome.REFUSED), (AWAY, Outcome.UNDELIVERED)])
def test_giving_up(reply: Reply, outcome: Outcome) -> None:
    """After the time to give up a notice is left with a named outcome, and the next one is told."""
    service = FakeService()
    service.always = reply
    with running(service, QUICK._replace(give_up=0.0)) as bench:
        bench.add(0)
        wait_for(lambda: bench.offset == 1, "the notice is left")
        service.always = None
        bench.add(1)
        wait_for(lambda: bench.offset == 2, "the next one is told")
    assert bench.outcomes == [outcome, Outcome.SENT]


def test_stopping_between_attempts() -> None:
    """A sender that is told to stop makes no further attempt, and the notice stays to be told."""
    service = FakeService()
    service.always = AWAY
    with running(service, Patience(first=600, longest=600)) as bench:
        bench.add(0)
        wait_for(lambda: service.told, "the first attempt")
    assert (bench.offset, bench.outcomes) == (0, [])
    assert len(service.told) == 1


def test_stopping_in_an_attempt() -> None:
    """The attempt in hand is finished, and what came of it counts."""
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(FakeService):
        def send(self, notice: Notice, *, short: bool = False) -> Reply:
            begun.set()
            goes_on.wait(60)
            return super().send(notice, short=short)

    with running(Slow()) as bench:
        bench.add(0)
        assert begun.wait(60)
        bench.sender.stop()
        goes_on.set()
    assert (bench.offset, bench.outcomes) == (1, [Outcome.SENT])


def test_a_partition_that_went() -> None:
    """What is left of a partition that another process has now is not told here, also if it comes back meanwhile."""
    service = FakeService()
    service.always = AWAY
    with running(service) as bench:
        bench.add(0)
        bench.add(1)
        wait_for(lambda: service.told, "the first attempt")
        bench.progress.revoke([PLACE])
        bench.progress.assign({PLACE: Position(7, "")})
        service.always = None
        bench.add(7)
        wait_for(lambda: bench.offset == 8, "the next one is told")
    assert ("alert-1", False) not in service.told
    assert bench.outcomes[-1:] == [Outcome.SENT]


def test_the_pause_that_a_service_wants() -> None:
    """A service that says how long it wants to be left alone is left alone; a refusal is not repeated at once."""
    patience = Patience(first=0.001, longest=0.001, refused=600)
    for reply in (BUSY._replace(wait=600), REFUSED):
        service = FakeService()
        service.always = reply
        with running(service, patience) as bench:
            bench.add(0)
            wait_for(lambda service=service: service.told, "the first attempt")
            bench.sender.join(0.2)  # nothing is awaited: more attempts would be more than these
        assert [key for key, short in service.told if not short] == ["alert-0"]


def test_a_full_sender() -> None:
    """A sender says when so much waits that no more should be read."""
    bench = Bench(FakeService(), QUICK)
    for offset in range(WAITING_NOTICES):
        assert not bench.sender.is_full
        bench.add(offset, told=False)
    assert bench.sender.is_full
