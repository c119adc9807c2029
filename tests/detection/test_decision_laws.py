"""The laws of decisions (M1 to M5, M8, M9, A1 to A3), as properties of histories that are dense near every edge."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sightings import ALICE, BOB, MINUTE, NOON, SECOND, History, sighting, with_settings

from streams.pipeline import is_deletable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.detection.decision import Decision
    from streams.extraction.sighting import Sighting

WINDOW = 10 * MINUTE
FORGET = 40 * MINUTE
# A window, a forgetting and a cap so small that random histories reach every edge of each.
SETTINGS = with_settings(window=WINDOW, forget_after=FORGET, max_alerts=2)

LAW = settings(deadline=None)  # a busy machine is no wrong answer

STEPS = st.sampled_from(
    [0, 0, 1, SECOND, 4 * MINUTE, WINDOW - 1, WINDOW, WINDOW + 1, FORGET, FORGET + 1, 1_440 * MINUTE]
)
PRINCIPALS = st.sampled_from([ALICE, BOB])
ACCOUNTS = st.sampled_from(["222222222222", "333333333333", "444444444444"])


@st.composite
def in_order(draw: st.DrawFn) -> list[Sighting]:
    """A history in order of time, each sighting of its own event."""
    steps = draw(st.lists(st.tuples(STEPS, PRINCIPALS, ACCOUNTS), max_size=25))
    times = accumulate((step for step, _, _ in steps), initial=NOON)
    return [
        sighting(time, who, where, event_id=f"event-{place}")
        for place, (time, (_, who, where)) in enumerate(zip(times, steps, strict=False))
    ]


@st.composite
def in_any_order(draw: st.DrawFn) -> list[Sighting]:
    """A history whose sightings arrive in any order, some of them teaching only."""
    shuffled = draw(in_order().flatmap(st.permutations))
    return [structs.replace(seen, teaching=draw(st.integers(0, 9)) == 0) for seen in shuffled]


def alerts(history: History, sightings: Iterable[Sighting]) -> list[tuple[str, str]]:
    """The id and the destination of each alert, in order."""
    decisions = history.take_all(sightings)
    return [(decision.alert_id, decision.outcome) for decision in decisions if decision.alert_id is not None]


@LAW
@given(in_order())
def test_a_sighting_alerts_if_the_window_before_it_is_empty(sightings: list[Sighting]) -> None:
    """M1, M2: in order of time, exactly the sightings without another one of their pair in the window before alert."""
    decisions = History(SETTINGS).take_all(sightings)
    for place, (seen, decision) in enumerate(zip(sightings, decisions, strict=True)):
        recent = any(
            (earlier.principal, earlier.member_account) == (seen.principal, seen.member_account)
            and earlier.event.time >= seen.event.time - WINDOW
            for earlier in sightings[:place]
        )
        assert (decision.alert is None) is recent


@LAW
@given(in_any_order())
def test_last_seen_is_the_latest_and_a_late_sighting_is_silent(sightings: list[Sighting]) -> None:
    """M2, M3: last seen is the latest time seen of the pair so far, and nothing before it alerts."""
    history = History(SETTINGS)
    latest: dict[tuple[str, str], int] = {}
    for seen in sightings:
        pair = (seen.principal, seen.member_account)
        decision = history.take(seen)
        assert not (decision.alert and seen.event.time <= latest.get(pair, seen.event.time - 1))
        latest[pair] = max(seen.event.time, latest.get(pair, seen.event.time))
        assert decision.memory
        assert decision.memory.last_seen == latest[pair]
        assert decision.memory.first_seen <= decision.memory.last_seen


@LAW
@given(in_any_order(), st.data())
def test_repeats_change_nothing(sightings: list[Sighting], data: st.DataObject) -> None:
    """M5: records repeated at any later position give the same alerts, to the same topics, and the same memory."""
    doubled = list(sightings)
    for seen in data.draw(st.lists(st.sampled_from(sightings), max_size=10) if sightings else st.just([])):
        doubled.insert(data.draw(st.integers(doubled.index(seen) + 1, len(doubled))), seen)
    once, twice = History(SETTINGS), History(SETTINGS)
    assert alerts(once, sightings) == alerts(twice, doubled)
    assert once.contents() == twice.contents()


@LAW
@given(in_any_order())
def test_a_replay_is_silent_and_teaches_nothing(sightings: list[Sighting]) -> None:
    """M5, M9, A2: a replay of the whole history makes no alert, and rewrites the memory unchanged."""
    history = History(SETTINGS)
    history.take_all(sightings)
    before = history.contents()
    again = history.take_all(sightings)
    assert all(decision.alert is None and decision.memory is not None for decision in again)
    assert history.contents() == before


@LAW
@given(in_order().flatmap(lambda history: st.tuples(st.just(history), st.permutations(history))))
def test_order_within_the_same_time_does_not_matter(both: tuple[list[Sighting], list[Sighting]]) -> None:
    """M9: sightings of the same time may come in any order: the same pairs alert at the same times."""
    straight, shuffled = both
    uncapped = replace(SETTINGS, max_alerts=0)

    def alerted(sightings: list[Sighting]) -> list[tuple[int, str, str]]:
        decisions = zip(sightings, History(uncapped).take_all(sightings), strict=True)
        return sorted((seen.event.time, seen.principal, seen.member_account) for seen, d in decisions if d.alert)

    assert alerted(straight) == alerted(sorted(shuffled, key=lambda seen: seen.event.time))


@LAW
@given(in_any_order())
def test_principals_do_not_touch_one_another(sightings: list[Sighting]) -> None:
    """M9: split over partitions by principal, a history gives the same alerts in each and the same memory."""
    together = History(SETTINGS)
    alerted = alerts(together, sightings)
    memory: dict[object, object] = {}
    apart, entries = [], 0
    for who in (ALICE, BOB):
        partition = History(SETTINGS)
        apart += alerts(partition, (seen for seen in sightings if seen.principal == who))
        memory |= partition.contents()
        entries += sum(state.entries for state in partition.memory.states.values())
    assert sorted(alerted) == sorted(apart)
    assert together.contents() == memory | {"states": together.memory.states}
    assert sum(state.entries for state in together.memory.states.values()) == entries


@LAW
@given(in_any_order(), st.data(), st.sampled_from(["alert", "bucket", "drop", "tuple"]))
def test_a_kill_at_any_step_loses_nothing_and_adds_nothing(
    sightings: list[Sighting], data: st.DataObject, last_write: str
) -> None:
    """M9, A2, A3: after a kill at any write and a restart from any earlier commit, each alert goes to the same topic.

    The order of writes is: alert, bucket, the buckets to drop, tuple. What else is written has tests of its own.
    """
    calm, killed = History(SETTINGS), History(SETTINGS)
    expected = alerts(calm, sightings)
    place = data.draw(st.integers(0, len(sightings)))
    sent = alerts(killed, sightings[:place])
    for seen in sightings[place : place + 1]:
        decision = killed.decide(seen)
        if decision.alert_id is not None:
            sent.append((decision.alert_id, decision.outcome))
        killed.memory.apply(seen, cut_short(decision, last_write))
    sent += alerts(killed, sightings[data.draw(st.integers(0, place)) :])
    assert list(dict.fromkeys(sent)) == expected
    assert killed.contents() == calm.contents()


def cut_short(decision: Decision, last_write: str) -> Decision:
    """Return the part of a decision that was written before the kill."""
    written = ["alert", "bucket", "drop", "tuple"].index(last_write)
    return structs.replace(
        decision,
        bucket=decision.bucket if written >= 1 else None,
        dropped_buckets=decision.dropped_buckets if written >= 2 else (),
        memory=decision.memory if written >= 3 else None,
        summary=decision.summary if written >= 3 else None,
        rule_state=decision.rule_state if written >= 3 else None,
    )


@LAW
@given(in_order(), st.data())
def test_deleting_the_forgotten_changes_no_decision(sightings: list[Sighting], data: st.DataObject) -> None:
    """M8: a forgotten tuple counts as never seen, deleted or not."""
    keeping, deleting = History(SETTINGS), History(SETTINGS)
    for seen in sightings:
        kept, deleted = keeping.take(seen), deleting.take(seen)
        # Entries and summary are those of what is kept; what they decide is the same.
        assert structs.replace(kept, rule_state=None, summary=None) == structs.replace(
            deleted, rule_state=None, summary=None
        )
        for group in deleting.memory.groups.values():
            for values, remembered in list(group.tuples.items()):
                deletable = is_deletable(remembered.last_seen, seen.event.time, SETTINGS.forget_after)
                if deletable and data.draw(st.booleans()):
                    del group.tuples[values]


@LAW
@given(in_any_order())
def test_no_alert_id_is_given_twice(sightings: list[Sighting]) -> None:
    """A1: different sightings have different alerts."""
    ids = [identifier for identifier, _ in alerts(History(SETTINGS), sightings)]
    assert len(ids) == len(set(ids))


@LAW
@given(in_any_order())
def test_each_period_alerts_no_more_than_the_cap(sightings: list[Sighting]) -> None:
    """A3: within a day of the newest, no principal has more alerts per five minutes than the cap."""
    history = History(SETTINGS)
    history.take_all(sightings)
    for group in history.memory.groups.values():
        assert all(len(bucket.alert_ids) <= SETTINGS.max_alerts for bucket in group.buckets.values())


@LAW
@given(in_any_order(), st.integers(0, 25))
def test_learning_silences_up_to_its_end_and_no_further(sightings: list[Sighting], place: int) -> None:
    """M6: at or before learn_until nothing alerts; the memory is the same as without learning."""
    end = sightings[min(place, len(sightings) - 1)].event.time if sightings else NOON
    learning = History(replace(SETTINGS, learn_until=end))
    plain = History(SETTINGS)
    for seen in sightings:
        decision, unlearned = learning.take(seen), plain.take(seen)
        assert decision.memory == unlearned.memory
        assert (decision.outcome == "learned") is (seen.teaching or seen.event.time <= end)
