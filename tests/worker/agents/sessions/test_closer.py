"""The closer asks for what is due, once, and only where nothing can still be on its way (S9)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from root_sessions import DAY, GRANTED_AT, HOUR, KEY, MINUTE, SETTINGS, action, granted
from session_worker import NAMES, TraceWorker

from streams.sessions.joining.state import Close
from streams.wire.sessions import item as codec
from streams.worker.agents.sessions import closer as closer_module
from streams.worker.agents.sessions.closer import Closer
from streams.worker.consumer.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.worker.outgoing import Outgoing

ARRIVED = GRANTED_AT + HOUR
DUE = ARRIVED + SETTINGS.grace
READ = Progress(NAMES.sessions, 0, 3, 3)


class Scene:
    """A worker with one session that is due at ``DUE``, and its closer."""

    def __init__(self) -> None:
        self.worker = TraceWorker()
        self.worker.handle([(granted(), ARRIVED)])
        self.ready = True
        self.should_stop = False
        self.sessions: list[Progress] = [READ]
        self.sources: list[Progress] | None = [Progress("cloudtrail", 0, 7, 7)]
        self.now = 0.0
        self.asked: list[Close] = []
        self.failure: BaseException | None = None
        self.sends: BaseException | None = None
        app: Any = self
        self.closer = Closer(app, NAMES.sessions, self.worker.indexes, SETTINGS.grace, app)

    @property
    def consumer(self) -> Any:
        """The consumer."""
        return SimpleNamespace(progress=lambda: self.sessions, source_progress=self.source_progress)

    async def source_progress(self) -> list[Progress] | None:
        """What the broker says."""
        return self.sources

    async def send_all(self, records: Sequence[Outgoing]) -> None:
        """Send the closes."""
        if self.sends is not None:
            raise self.sends
        for record in records:
            assert (record.topic, record.partition, record.key) == (NAMES.sessions, 0, KEY.encode())
            close = codec.decode(record.value or b"")
            assert isinstance(close, Close)
            self.asked.append(close)

    async def stop_with(self, failure: BaseException) -> None:
        """Stop the worker."""
        self.failure = failure

    def look(self, now: int) -> list[Close]:
        """What a look at this time asks for."""
        self.asked.clear()
        asyncio.run(self.closer.look(now))
        return list(self.asked)

    def look_until_stopped(self) -> None:
        """Run the service's task, which looks at once."""
        self.closer.sleep = lambda _seconds: asyncio.sleep(0)
        asyncio.run(type(self.closer)._look_again_and_again.fun(self.closer))  # noqa: SLF001  mode's task


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    monkeypatch.setattr(closer_module, "time", SimpleNamespace(monotonic=lambda: made.now, time_ns=lambda: DUE * 10**6))
    return made


def test_it_asks_once_when_a_summary_is_due(scene: Scene) -> None:
    """S9: not a millisecond before; and not again while the close has not been handled."""
    assert scene.look(DUE - 1) == []
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]
    assert scene.look(DUE + 10_000) == []
    scene.worker.handle([(Close(KEY, DUE, DUE), DUE)])
    assert scene.look(DUE + DAY) == []
    assert [summary["closed_at"] for summary in scene.worker.summaries()] == [DUE]


def test_it_asks_again_when_the_due_time_has_moved(scene: Scene) -> None:
    """S10: an action that comes later makes the session due again, before its summary and after it."""
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]
    scene.worker.handle([(action(), DUE - MINUTE), (Close(KEY, DUE, DUE), DUE)])
    moved = DUE - MINUTE + SETTINGS.grace
    assert scene.look(moved - 1) == []
    assert scene.look(moved) == [Close(KEY, moved, moved)]
    scene.worker.handle([(Close(KEY, moved, moved), moved), (action("PutBucketPolicy"), moved)])
    again = moved + SETTINGS.grace
    assert scene.look(again) == [Close(KEY, again, again)]


def test_it_waits_until_the_worker_is_ready(scene: Scene) -> None:
    """S9: not in a recovery, and not if a rebalance begins while the broker is asked."""
    scene.ready = False
    assert scene.look(DUE) == []
    scene.ready = True

    async def rebalance() -> list[Progress]:
        scene.ready = False
        return [Progress("cloudtrail", 0, 7, 7)]

    asked = scene.source_progress
    vars(scene)["source_progress"] = rebalance
    assert scene.look(DUE) == []
    scene.ready, vars(scene)["source_progress"] = True, asked
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]


@pytest.mark.parametrize("progress", [(2, 3), (None, None), (None, 3), (None, 0), (3, None)])
def test_it_waits_until_the_partition_is_read(scene: Scene, progress: tuple[int | None, int | None]) -> None:
    """S9: a replay meets the closes that were sent before; what is not known counts as not read."""
    scene.sessions = [Progress(NAMES.sessions, 0, *progress), Progress(NAMES.sessions, 1, 0, 0)]
    assert scene.look(DUE) == []
    scene.sessions = [READ, Progress(NAMES.sessions, 1, 0, 9), Progress(NAMES.sightings, 0, 0, 9)]
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]


def test_it_asks_for_nothing_while_the_source_lags(scene: Scene) -> None:
    """S9: the bound is the grace, and a lag of exactly the grace is none."""
    grace = SETTINGS.grace / 1000
    assert scene.look(DUE - 1) == []
    scene.sources = [Progress("cloudtrail", 0, 7, 9)]
    scene.now = grace + 0.001
    assert scene.look(DUE) == []
    scene.now = grace
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]


def test_it_asks_for_nothing_while_a_backlog_is_read(scene: Scene) -> None:
    """S9: what was there at the first look is behind until it is handled, whichever worker has it."""
    caught_up = [Progress("cloudtrail", 0, 7, 7), Progress("other", 3, 9, 9)]
    scene.sources = [caught_up[0], Progress("other", 3, 0, 9)]
    assert scene.look(DUE) == []
    scene.sources = None
    assert scene.look(DUE) == []
    scene.sources = caught_up
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]


def test_it_lets_go_of_partitions_that_are_not_its_own(scene: Scene) -> None:
    """S9: a standby asks for nothing, and an index of its store is not kept."""
    own = scene.worker.stores
    vars(scene.worker)["stores"] = lambda: [found._replace(is_active=False) for found in own()]
    assert scene.look(DUE) == []
    assert scene.worker.indexes._indexes == {}  # noqa: SLF001  that nothing is kept has no other sign
    vars(scene.worker)["stores"] = own
    assert scene.look(DUE) == [Close(KEY, DUE, DUE)]


@pytest.mark.parametrize("stopping", [False, True])
def test_a_refused_close_stops_the_worker(scene: Scene, *, stopping: bool) -> None:
    """A2: as any refusal; but not if the worker is stopping, whose clients may have stopped before."""
    scene.sends, scene.should_stop = RuntimeError("refused"), stopping
    scene.look_until_stopped()
    assert scene.failure is (None if stopping else scene.sends)
