"""The trace stage: kills and rebalances change nothing, and the table stays within its bounds (A2, S5, S10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from root_sessions import DAY, GRANTED_AT, HOUR, KEY, MEMBER, MINUTE, OTHER_MEMBER, SETTINGS, action, granted
from session_worker import NAMES, TraceWorker

from streams.sessions.joining.state import Close
from streams.worker.agents.sessions import trace as trace_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.worker.agents.sessions.trace import Item

ARRIVED = GRANTED_AT + HOUR
KEYS = [KEY, "ASIAOTHER"]
Arrivals = list[tuple["Item", int]]


def grant_of(key: str, **fields: Any) -> Item:
    """A grant of this key."""
    return granted(issued_access_key_id=key, **fields)


def action_of(key: str, number: int) -> Item:
    """An action of this key. The first two are copies of one event, and the last one is of another account."""
    copied = {"shared_event_id": "shared", "time": GRANTED_AT} if number < 2 else {}
    account = OTHER_MEMBER if number == 4 else MEMBER
    fields = {"time": GRANTED_AT + number * 1000} | copied
    return replace(action(id=f"event-{number}", account=account, **fields), access_key_id=key)


@st.composite
def histories(draw: st.DrawFn) -> Arrivals:
    """Grants, actions and closes of two keys in any order, some repeated; now and then more than a day passes."""
    arrived = ARRIVED
    found: Arrivals = []
    # What is forgotten and comes again is new: its alert id may be missing, and another copy may be the first.
    pause, alerts, first = draw(st.sampled_from([(HOUR, [None, "alert-1"], 0), (DAY + HOUR, ["alert-1"], 1)]))
    for _ in range(draw(st.integers(1, 14))):
        arrived += draw(st.sampled_from([0, 0, 1, MINUTE, SETTINGS.grace, SETTINGS.grace, pause]))
        key = draw(st.sampled_from(KEYS))
        account = draw(st.sampled_from([MEMBER, MEMBER, OTHER_MEMBER]))
        item: Item
        match draw(st.sampled_from(["grant", "action", "action", "close"])):
            case "grant":
                number = draw(st.integers(0, 1))
                alert = draw(st.sampled_from(alerts))
                item = granted(
                    alert_id=alert, event_id=f"grant-{number}", issued_access_key_id=key, member_account=account
                )
            case "action":
                item = action_of(key, draw(st.integers(first, 4)))
            case _:
                item = Close(key, arrived, arrived)
        found.append((item, arrived))
    return found


def by_session(summaries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last summary of each session, without what depends on when it was written."""
    ordered = sorted(summaries, key=lambda summary: summary["revision"])
    return {one["session_id"]: one | {"revision": None, "closed_at": None} for one in ordered}


def by_id(activities: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The activity by id; one that comes again is the same."""
    found: dict[str, dict[str, Any]] = {}
    for activity in activities:
        assert found.setdefault(activity["activity_id"], activity) == activity
    return found


def close_all(worker: TraceWorker, history: Arrivals) -> None:
    """Sum up whatever is still open."""
    last = history[-1][1] + SETTINGS.grace
    worker.handle([(Close(key, last, last), last) for key in KEYS])


def in_batches(worker: TraceWorker, history: Arrivals, sizes: Sequence[int]) -> None:
    """Handle a history in batches of these sizes."""
    at = 0
    for size in sizes:
        if history[at : at + size]:
            worker.handle(history[at : at + size])
        at += size
    if history[at:]:
        worker.handle(history[at:])


SIZES = st.lists(st.integers(1, 5), max_size=14)


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(histories(), SIZES, st.data())
def test_killed_after_any_record_it_comes_to_the_same(history: Arrivals, sizes: list[int], data: st.DataObject) -> None:
    """A2: killed after any record and started again from any commit, activity and last summaries are the same.

    That holds of summaries in Avro and as JSON.

    Whatever a stored state names is stored. An activity that is sent again is the same. A commit is seconds behind. So
    what is handled again is not of several days. A session that is summed up more than a day late is forgotten at once
    (S5). If a kill comes between its summary and the commit, a grant that came again before may open it anew.
    """
    calm, killed = TraceWorker(), TraceWorker()
    in_batches(calm, history, sizes)
    close_all(calm, history)

    start = data.draw(st.integers(0, len(history) - 1), "begin of the killed batch")
    end = data.draw(st.integers(start + 1, len(history)), "its end")
    again = data.draw(st.integers(0, start), "committed")
    assume(history[end - 1][1] - history[again][1] < DAY)
    handled_again = history[again:end]
    assume(not any(isinstance(item, Close) and arrived - history[0][1] >= DAY for item, arrived in handled_again))
    in_batches(killed, history[:start], sizes)
    killed.killed_in(history[start:end], data.draw(st.integers(0, 30), "records until the kill"))
    killed.actions()
    in_batches(killed, history[again:], sizes)
    killed.actions()
    close_all(killed, history)
    assert by_id(killed.activities()) == by_id(calm.activities())
    assert by_session(killed.summaries()) == by_session(calm.summaries())
    as_json = by_session(killed.summaries_as_json())
    assert as_json == by_session(calm.summaries_as_json())
    assert as_json.keys() == by_session(killed.summaries()).keys()


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), SIZES)
def test_an_index_says_what_a_new_one_reads(history: Arrivals, sizes: list[int]) -> None:
    """S9: after any batches, what is due, to be forgotten and waiting is what a scan of the states finds."""
    worker = TraceWorker()
    in_batches(worker, history, sizes)
    known = worker.indexes.of(0, worker.stores()[0].store)
    worker.start()
    scanned = worker.indexes.of(0, worker.stores()[0].store)
    assert scanned is not known
    end = history[-1][1] + 10 * DAY
    for index in (known, scanned):
        assert list(index.due(end)) == sorted(index.due(end), key=lambda found: (found[1], found[0]))
    assert list(known.due(end)) == list(scanned.due(end))
    assert list(known.to_forget(end)) == list(scanned.to_forget(end))
    assert sorted(known.waiting_keys()) == sorted(scanned.waiting_keys())
    assert (known.open, known.waiting) == (scanned.open, scanned.waiting)
    states = worker.states()
    assert known.open == sum(session.is_open for state in states.values() for session in state.sessions)
    assert known.waiting == sum(not kept.is_joined for state in states.values() for kept in state.kept)
    assert {key: known.waiting_of(key) for key in states} == {key: state.waiting for key, state in states.items()}


def due(worker: TraceWorker) -> list[str]:
    """The keys that the worker finds due, in the end."""
    return [key for index in worker.indexes.active().values() for key, _ in index.due(ARRIVED + 10 * DAY)]


def test_what_another_owner_opened_is_due_here_when_the_partition_comes_back() -> None:
    """S9: the store stays open as a standby's, and gets the other owner's changes from the changelog."""
    here, there = TraceWorker(), TraceWorker()
    here.handle([(grant_of(KEYS[0]), ARRIVED)])
    assert due(here) == [KEYS[0]]
    there.changelog = here.changelog
    there.start()
    there.handle([(Close(KEYS[0], ARRIVED + DAY, ARRIVED + DAY), ARRIVED + DAY), (grant_of(KEYS[1]), ARRIVED + DAY)])
    here.restore()
    assert due(here) == [KEYS[1]]


def test_what_an_abandoned_batch_sent_is_due_after_its_recovery() -> None:
    """S9, A2: its changes are in the changelog, so the recovery writes them, and the index must have them."""
    worker = TraceWorker()
    worker.handle([(grant_of(KEYS[0]), ARRIVED)])
    assert due(worker) == [KEYS[0]]
    worker.lose_after = NAMES.sessions_changelog
    worker.handle([(grant_of(KEYS[1]), ARRIVED)])
    assert due(worker) == [KEYS[0]]
    worker.restore()
    assert due(worker) == KEYS


@pytest.mark.parametrize("lost", ["activity", "sessions-changelog"])
def test_an_abandoned_batch_leaves_no_trace(lost: str) -> None:
    """A2: neither store, index nor the counts of what was dropped have it; the next owner handles it again."""
    worker = TraceWorker()
    worker.handle([(action_of(KEYS[1], 1), ARRIVED), (grant_of(KEY), ARRIVED)])
    before = dict(worker.store.entries), due(worker)
    topic = {"activity": NAMES.activity, "sessions-changelog": NAMES.sessions_changelog}[lost]
    worker.lose_after = topic
    batch = [(action_of(KEY, 1), ARRIVED + 2 * DAY)]
    worker.handle(batch)
    assert (dict(worker.store.entries), due(worker)) == before
    assert dropped(worker) == {}
    worker.owned, worker.lose_after = True, ""
    worker.start()
    worker.handle(batch)
    assert len(by_id(worker.activities())) == 1


def plain(key: str, number: int) -> Item:
    """An action of this key that is no copy."""
    return action_of(key, 10 + number)


def dropped(worker: TraceWorker) -> dict[str, float]:
    """How many actions were dropped, by reason, where any were."""
    found = worker.metrics.registry.collect()
    samples = (one for family in found if family.name == "rootwatch_session_drops" for one in family.samples)
    return {one.labels["reason"]: one.value for one in samples if one.name.endswith("_total") and one.value}


def waiting(worker: TraceWorker) -> dict[str, int]:
    """How many actions wait for a grant, by key."""
    return {key: state.waiting for key, state in worker.states().items()}


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_oldest_key_gives_way_when_too_many_wait(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """S5: no more than the bound wait in a partition; the oldest key is dropped whole, and counted by reason."""
    monkeypatch.setattr(trace_module, "MOST_WAITING", 10)
    worker = TraceWorker()
    items: Arrivals = [(plain(f"ASIA{number // 4}", number), ARRIVED + number) for number in range(18)]
    for at in range(0, len(items), batch):
        worker.handle(items[at : at + batch])
        assert sum(waiting(worker).values()) <= 10
    assert waiting(worker) == {"ASIA2": 4, "ASIA3": 4, "ASIA4": 2}
    assert dropped(worker) == {"partition-full": 8}
    assert len(worker.store.entries) == 3 + 10
    worker.handle([(grant_of("ASIA0"), ARRIVED + MINUTE), (grant_of("ASIA2"), ARRIVED + MINUTE)])
    assert len(worker.activities()) == 4


def test_what_has_joined_does_not_count_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: the bound is one of waiting actions; a session's own actions are never dropped for it."""
    monkeypatch.setattr(trace_module, "MOST_WAITING", 2)
    worker = TraceWorker()
    worker.handle([(grant_of(KEY), ARRIVED), *((plain(KEY, number), ARRIVED) for number in range(9))])
    worker.handle([(plain(KEYS[1], number), ARRIVED + 1) for number in range(2)])
    assert (waiting(worker), dropped(worker)) == ({KEY: 0, KEYS[1]: 2}, {})
    assert len(worker.activities()) == 9


def test_the_bound_holds_behind_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: what waited before counts, as the index is read from the table."""
    monkeypatch.setattr(trace_module, "MOST_WAITING", 3)
    worker = TraceWorker()
    worker.handle([(plain("ASIA0", number), ARRIVED) for number in range(3)])
    worker.start()
    worker.handle([(plain("ASIA1", 9), ARRIVED + 1)])
    assert (waiting(worker), dropped(worker)) == ({"ASIA1": 1}, {"partition-full": 3})


def test_forgetting_keeps_up_with_a_flood() -> None:
    """S5: what is over goes with later items of the partition, several keys per item, until nothing is left."""
    worker = TraceWorker()
    worker.handle([(plain(f"ASIA{number}", number), ARRIVED) for number in range(100)])
    later = ARRIVED + DAY + 1
    for number in range(25):
        assert len(worker.states()) == 100 - 3 * number
        worker.handle([(plain(f"ASIAnew{number}", number), later)])
    assert dropped(worker) == {"no-grant": 100}
    assert len(worker.store.entries) == 2 * len(worker.states())
