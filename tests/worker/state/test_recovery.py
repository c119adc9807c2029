"""Recovery of the table, one fetch at a time, with real RocksDB stores and without a broker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.settings import Settings
from streams.worker.app import WorkerApp, create_app
from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.fetch import fetch_thread
from streams.worker.consumer.fetch.fetch_thread import FetchResult, FetchThread
from streams.worker.state.entries import stored_from
from streams.worker.state.recovery import ChangelogPart, Recovery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CHANGELOG = "rootwatch-memory-changelog"
ACTIVE, STANDBY, OTHER = TP(CHANGELOG, 0), TP(CHANGELOG, 1), TP(CHANGELOG, 2)
KEYS = [b"alice", b"bob", b"carol"]


@dataclass
class Changelog:
    """One partition as a broker has it: records, and gaps from compaction and transaction markers."""

    records: list[SimpleNamespace] = field(default_factory=list)
    end: int = 0

    def after(self, offset: int) -> dict[bytes, bytes]:
        """The content of the store after everything up to an offset is applied."""
        latest = {record.key: record.value for record in self.records if record.offset <= offset}
        return {key: value for key, value in latest.items() if value is not None}

    def fetch(self, start: int, count: int) -> ChangelogPart:
        """So many offsets from ``start`` on, as a fetch brings them."""
        end = min(start + count, self.end)
        return ChangelogPart([record for record in self.records if start <= record.offset < end], max(start, end))


@st.composite
def changelogs(draw: st.DrawFn) -> Changelog:
    """A few keys, written and deleted repeatedly, and offsets without a record, possibly the last one."""
    made = Changelog()
    for content in draw(st.lists(st.none() | st.tuples(st.sampled_from(KEYS), st.none() | st.binary(max_size=2)))):
        if content is not None:
            key, value = content
            made.records.append(SimpleNamespace(offset=made.end, key=key, value=value))
        made.end += 1
    return made


@pytest.fixture
def app(tmp_path: Path) -> Iterator[WorkerApp]:
    """A worker's app with empty stores, as after a start: nothing fetched, nothing assigned."""
    made = create_app(Settings(state_dir=tmp_path))
    made.conf.tabledir.mkdir(parents=True)
    yield made
    for store in made.memory.data._dbs.values():  # noqa: SLF001  no public way to the partitions
        store.close()


def begin(app: WorkerApp, active: Sequence[TP] = (), standby: Sequence[TP] = (), end: int = 0) -> Recovery:
    """Begin a recovery: these partitions are assigned, the end of each is known, the seek is done."""
    recovery: Recovery = app.tables.recovery
    for tp in active:
        recovery.add_active(app.memory, tp)
        recovery.active_highwaters[tp] = end - 1
    for tp in standby:
        recovery.add_standby(app.memory, tp)
        recovery.standby_highwaters[tp] = end - 1
    for offsets in (recovery.active_offsets, recovery.standby_offsets):
        for tp in [tp for tp, offset in offsets.items() if offset is None]:
            offsets[tp] = -1
    recovery._set_recovery_started()  # noqa: SLF001  Faust's hook
    return recovery


def entries(app: WorkerApp, tp: TP) -> dict[bytes, bytes]:
    """The entries of a partition's store, without its offset."""
    partition = app.memory.partition(tp.partition)
    return {key: value for key, value in stored_from(partition.store, b"") if key != partition.offset_key}


# All examples share one store, and each empties it.
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changelogs(), st.data())
def test_a_restored_store_is_what_its_changelog_says(app: WorkerApp, changelog: Changelog, data: st.DataObject) -> None:
    """A2, M9: for any parts fetched, and a kill after any of them, the store is the changelog up to its offset.

    Recovery ends at the changelog's end, and not before.
    """
    partition = app.memory.partition(ACTIVE.partition)
    for key in [partition.offset_key, *KEYS]:
        partition.store.delete(key)
    done = False
    while not done:
        app.tables._recovery = None  # noqa: SLF001  killed: only the store is left
        recovery = begin(app, [ACTIVE], end=changelog.end)
        reached = recovery.active_offsets[ACTIVE]
        assert entries(app, ACTIVE) == changelog.after(reached)
        start = data.draw(st.integers(0, max(reached, 0)))  # Faust seeks to the store's offset, or before
        for _ in range(data.draw(st.integers(1, 4))):
            part = changelog.fetch(start, data.draw(st.integers(1, 5)))
            recovery.restore(ACTIVE, part)
            start, reached = part.end, max(reached, part.end - 1)
            assert entries(app, ACTIVE) == changelog.after(reached)
            assert recovery.active_remaining_total() == changelog.end - 1 - reached
            done = recovery.signal_recovery_end.is_set()
            assert done == (reached == changelog.end - 1)


def test_recovery_ends_where_no_record_is(app: WorkerApp) -> None:
    """A changelog may end with a transaction marker: a fetch that passes it without a record ends the recovery."""
    changelog = Changelog([SimpleNamespace(offset=0, key=b"alice", value=b"1")], end=2)
    recovery = begin(app, [ACTIVE], end=changelog.end)
    recovery.restore(ACTIVE, changelog.fetch(0, 1))
    assert not recovery.signal_recovery_end.is_set()
    recovery.restore(ACTIVE, changelog.fetch(1, 1))
    assert recovery.signal_recovery_end.is_set()
    assert not app.in_recovery


def test_recovery_ends_with_its_last_partition_and_begins_anew(app: WorkerApp) -> None:
    """Recovery ends only when every active partition is recovered, and the next recovery begins anew."""
    changelog = Changelog([SimpleNamespace(offset=0, key=b"alice", value=b"1")], end=1)
    recovery = begin(app, [ACTIVE, OTHER], end=1)
    recovery.restore(ACTIVE, changelog.fetch(0, 1))
    assert not recovery.signal_recovery_end.is_set()
    recovery.restore(OTHER, changelog.fetch(0, 1))
    assert recovery.signal_recovery_end.is_set()
    begin(app, [ACTIVE, OTHER], end=2)
    assert not recovery.signal_recovery_end.is_set()


def test_a_standby_follows(app: WorkerApp) -> None:
    """A standby's store is written as its changelog grows; its lag does not delay the end of the recovery."""
    changelog = Changelog([SimpleNamespace(offset=n, key=b"alice", value=b"%d" % n) for n in range(4)], end=4)
    recovery = begin(app, [ACTIVE], [STANDBY], end=2)
    assert recovery.standby_remaining_total() == 2
    recovery.restore(STANDBY, changelog.fetch(0, 2))
    assert (recovery.standby_remaining_total(), recovery.active_remaining_total()) == (0, 2)
    recovery.restore(STANDBY, changelog.fetch(2, 2))
    assert entries(app, STANDBY) == {b"alice": b"3"}
    assert app.memory.persisted_offset(STANDBY) == 3
    assert not recovery.signal_recovery_end.is_set()


def test_what_is_not_ours_is_not_written(app: WorkerApp) -> None:
    """A2: nothing is written to a partition that this worker has neither as active nor as standby."""
    changelog = Changelog([SimpleNamespace(offset=n, key=b"alice", value=b"1") for n in range(3)], end=3)
    recovery = begin(app, [ACTIVE], [STANDBY], end=1)
    recovery.restore(OTHER, changelog.fetch(0, 3))
    assert entries(app, OTHER) == {}
    assert app.memory.persisted_offset(OTHER) is None


def test_what_a_rebalance_has_just_assigned_is_left_to_its_own_recovery(app: WorkerApp) -> None:
    """A rebalance between two steps of a recovery, which assigns partitions that are not sought yet, stops no worker.

    Faust's recovery would seek them to no offset, and the worker would end.
    """
    recovery = begin(app, standby=[STANDBY])
    recovery.standby_offsets[STANDBY] = None
    seek = recovery._seek_offsets(None, recovery.standby_tps, recovery.standby_offsets, "standby")  # noqa: SLF001
    with pytest.raises(RebalanceAgain):
        asyncio.run(seek)
    recovery.restore(STANDBY, ChangelogPart([SimpleNamespace(offset=0, key=b"alice", value=b"1")], 1))
    assert entries(app, STANDBY) == {}
    assert recovery.standby_offsets[STANDBY] is None


class Waiting(Consumer):
    """A consumer that waits for records."""

    def __init__(self, app: Any) -> None:
        """Only what that needs."""
        self.app = app
        self.revocations = 0


def hand_over(consumer: Consumer, monkeypatch: pytest.MonkeyPatch, fetched: FetchResult) -> Any:
    """The records of a fetch that go to the streams."""

    async def wait(*_args: Any) -> Any:
        return fetched, set()

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", wait)
    return asyncio.run(consumer._wait_next_records(1.0))[0]  # noqa: SLF001  Faust's hook


def test_nothing_is_written_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: a write that fails stops the worker, and no later part of the changelog is written after the gap."""
    tried: list[ChangelogPart] = []

    def restore(_tp: TP, part: ChangelogPart) -> None:
        tried.append(part)
        raise OSError("no room")

    async def stop_with(failure: BaseException) -> None:
        app.failure = failure

    tables = SimpleNamespace(recovery=SimpleNamespace(restore=restore))
    app = SimpleNamespace(failure=None, tables=tables, stop_with=stop_with)
    consumer = Waiting(app)
    for end in (1, 2):
        fetched = FetchResult(0, {})
        fetched.changelogs = {ACTIVE: ChangelogPart([], end), STANDBY: ChangelogPart([], end)}
        hand_over(consumer, monkeypatch, fetched)
    assert [part.end for part in tried] == [1]
    assert str(app.failure) == "no room"


def test_what_was_fetched_before_a_rebalance_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: the next owner may have written to the changelog, and to a store of the same name, in the meantime."""
    consumer = Waiting(SimpleNamespace(failure=None))
    consumer.revocations = 1
    fetched = FetchResult(0, {})
    fetched.changelogs = {ACTIVE: ChangelogPart([], 1)}
    assert hand_over(consumer, monkeypatch, fetched) == {}


class Fetching(FetchThread):
    """The consumer's thread during a fetch, with these positions after it."""

    def __init__(self, positions: dict[TP, int | None]) -> None:
        """Only what that needs."""

        def state(tp: TP) -> SimpleNamespace:
            return SimpleNamespace(has_valid_position=positions[tp] is not None, position=positions[tp])

        subscription = SimpleNamespace(assignment=SimpleNamespace(tps=list(positions), state_value=state))
        self.consumer = SimpleNamespace(revocations=0, flow_active=True)
        self.app = SimpleNamespace(
            fetch_filter=SimpleNamespace(source_topics=frozenset()),
            last_poll=0.0,
            topic_names=SimpleNamespace(changelogs={"memory": CHANGELOG}),
        )
        self._consumer = SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))


def test_a_fetch_is_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changelog records do not go to the streams. Each part has its partition's position, even if it has no record.

    A partition that is paused, or has no position yet, has no part.
    """
    sightings, records = TP("sightings", 0), [SimpleNamespace(offset=7)]
    positions = {sightings: 8, ACTIVE: 9, STANDBY: 5, OTHER: 3, TP(CHANGELOG, 3): None}

    async def fetch(*_args: Any, **_options: Any) -> Any:
        return {sightings: records, ACTIVE: records}

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch)
    active = {sightings, ACTIVE, STANDBY, TP(CHANGELOG, 3)}
    monkeypatch.setattr(fetch_thread, "raise_background_failure", lambda _consumer: None)
    fetched = asyncio.run(Fetching(positions)._fetch_records(None, active))  # noqa: SLF001  Faust's hook
    assert fetched == {sightings: records}
    assert fetched.positions == {sightings: 8}
    assert fetched.changelogs == {ACTIVE: ChangelogPart(records, 9), STANDBY: ChangelogPart([], 5)}
