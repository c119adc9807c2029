"""The laws of following (S4 to S6, S8 to S10), as properties over grants and actions that crowd around every edge."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from root_sessions import (
    DAY,
    GRANTED_AT,
    KEY,
    MEMBER,
    MINUTE,
    OTHER_MEMBER,
    POLICIES,
    RULES,
    SECOND,
    SETTINGS,
    Followed,
    action,
    granted,
)

from streams.extraction.sighting import Resource
from streams.sessions.joining.join import belongs
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import Close, KeyState
from streams.sessions.joining.trace import trace
from streams.sessions.meaning.activity import Activity, add_action
from streams.sessions.meaning.summary import SessionSummary, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from streams.sessions.action import Action
    from streams.sessions.grant import Granted

LAW = settings(deadline=None)  # a busy machine is no wrong answer

ARRIVED = GRANTED_AT + MINUTE  # all within a day: nothing is dropped or forgotten
LATER = GRANTED_AT + 7 * MINUTE
ACCOUNTS = st.sampled_from([MEMBER, OTHER_MEMBER])
TASKS = st.sampled_from([None, f"{POLICIES}/S3UnlockBucketPolicy", f"{POLICIES}/IAMDeleteRootUserCredentials"])
CALLS = st.sampled_from(
    [
        ("s3", "PutBucketPolicy"),
        ("s3", "DeleteBucketPolicy"),
        ("s3", "ListBuckets"),
        ("iam", "DeactivateMFADevice"),
        ("iam", "DeleteLoginProfile"),
        ("sts", "GetCallerIdentity"),
    ]
)


@st.composite
def grants(draw: st.DrawFn) -> list[Granted]:
    """Some grants of the key: at two times, in two accounts, some of them twins."""
    found = draw(
        st.lists(
            st.builds(
                lambda time, account, number, policy, length: granted(
                    time,
                    event_id=f"grant-{number}",
                    member_account=account,
                    task_policy=policy,
                    expires_at=time + length,
                ),
                st.sampled_from([GRANTED_AT, LATER]),
                ACCOUNTS,
                st.integers(0, 5),
                TASKS,
                st.sampled_from([60 * SECOND, 900 * SECOND]),
            ),
            max_size=4,
            unique_by=lambda one: one.grant.event_id,
        )
    )
    return list(found)


@st.composite
def actions(draw: st.DrawFn) -> list[Action]:
    """Some actions of the key near every bound of the join; some come in copies that share an id."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        source, name = draw(CALLS)
        shared = draw(st.sampled_from([None, None, f"shared-{number}"]))
        one = action(
            name,
            draw(st.sampled_from([GRANTED_AT, LATER])) + draw(st.sampled_from([-5 * SECOND, 0, 70 * SECOND, DAY])),
            source=source,
            account=draw(ACCOUNTS),
            created_at=draw(st.sampled_from([None, GRANTED_AT, LATER])),
            id=f"event-{number}",
            shared_event_id=shared,
            error_code=draw(st.sampled_from([None, None, "AccessDenied", "NoSuchEntity"])),
            source_ip=draw(st.sampled_from([None, "192.0.2.1", "198.51.100.7"])),
            resources=draw(st.sampled_from([(), (Resource("arn:b-1"),), (Resource("arn:b-2"), Resource(None, "t"))])),
            cut=draw(st.sampled_from([(), ("user_agent",)])),
        )
        found.append(one)
        if shared is not None:
            found.append(replace(one, event=replace(one.event, id=f"copy-{number}")))
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Granted], list[Action], list[Granted | Action | Close]]:
    """Grants, actions, and both in any order, repeated, with closes in between."""
    all_grants, all_actions = draw(grants()), draw(actions())
    items: list[Granted | Action | Close] = [*all_grants, *all_actions]
    if items:
        items += draw(st.lists(st.sampled_from(items), max_size=5))
    items += draw(st.lists(st.sampled_from([Close(KEY, at, at) for at in (ARRIVED, LATER + DAY)]), max_size=3))
    return all_grants, all_actions, draw(st.permutations(items))


def told(activities: Sequence[Activity]) -> Counter[Activity]:
    """Activity as it is when copies of one event are the same."""
    return Counter(replace(one, event=replace(one.event, id=one.activity_id)) for one in activities)


def final(summaries: Sequence[SessionSummary]) -> dict[str, SessionSummary]:
    """The last revision of each session, without what depends on arrival."""
    return {one.session_id: replace(one, revision=0, closed_at=None) for one in summaries}


def revisions(summaries: Sequence[SessionSummary]) -> dict[str, int]:
    """The last revision's number of each session."""
    return {one.session_id: one.revision for one in summaries}


def followed(items: Sequence[Granted | Action | Close]) -> Followed:
    """What a worker makes of items in this order, once all is closed."""
    result = Followed()
    result.take_all(items, ARRIVED)
    result.take(Close(KEY, LATER + 2 * DAY, LATER + 2 * DAY), ARRIVED)
    return result


@LAW
@given(histories(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same(
    history: tuple[list[Granted], list[Action], list[Granted | Action | Close]], random: Random
) -> None:
    """S4 to S10: any order, repetition and interruption of the same grants and actions tells the same in the end."""
    all_grants, all_actions, items = history
    straight, shuffled = followed([*all_grants, *all_actions]), followed(items)
    assert told(shuffled.activities) == told(straight.activities)
    assert final(shuffled.summaries) == final(straight.summaries)
    again = list(items)
    random.shuffle(again)
    assert told(followed(again).activities) == told(straight.activities)


@LAW
@given(grants(), actions())
def test_it_is_what_joining_by_hand_gives(all_grants: list[Granted], all_actions: list[Action]) -> None:
    """S4, S6, S8: every grant has exactly the actions that belong to it, each event once, also in its summary."""
    distinct = list({one.event_key: one for one in reversed(all_actions)}.values())
    activities: list[Activity] = []
    summaries = []
    for one in all_grants:
        session = Session.opened(one, ARRIVED)
        for found in distinct:
            if belongs(found, one.grant):
                activity, tally = add_action(session, found, RULES)
                activities.append(activity)
                session = replace(session, tally=tally)
        summaries.append(summarise(session, RULES))
    result = followed([*all_grants, *all_actions])
    assert told(result.activities) == told(activities)
    assert final(result.summaries) == final(summaries)


@LAW
@given(histories())
def test_a_replay_is_silent(history: tuple[list[Granted], list[Action], list[Granted | Action | Close]]) -> None:
    """S6, A2: the whole history again sends no activity and remembers the same."""
    _, _, items = history
    result = followed(items)
    before, sent = result.contents(), len(result.activities)
    result.take_all(items, ARRIVED)
    assert len(result.activities) == sent
    assert result.contents() == before


@LAW
@given(histories(), st.data(), st.sampled_from(["sent", "kept", "removed"]))
def test_a_kill_at_any_step_loses_nothing(
    history: tuple[list[Granted], list[Action], list[Granted | Action | Close]], data: st.DataObject, last_write: str
) -> None:
    """A2: killed after any write and resumed from that item, the same activity and the same summaries come out."""
    _, _, items = history
    calm, killed = followed(items), Followed()
    place = data.draw(st.integers(0, len(items)))
    killed.take_all(items[:place], ARRIVED)
    for item in items[place : place + 1]:
        traced = trace(killed.state, item, ARRIVED, killed.whole.get, SETTINGS)
        killed.activities += traced.activities
        killed.summaries += traced.summaries
        if last_write != "sent":
            killed.whole |= traced.keep
        if last_write == "removed":
            killed.whole = {mark: one for mark, one in killed.whole.items() if mark not in traced.remove}
    killed.take_all(items[place:], ARRIVED)
    killed.take(Close(KEY, LATER + 2 * DAY, LATER + 2 * DAY), ARRIVED)
    assert set(told(killed.activities)) == set(told(calm.activities))
    assert final(killed.summaries) == final(calm.summaries)
    assert revisions(killed.summaries) == revisions(calm.summaries)


@LAW
@given(actions(), st.lists(st.sampled_from([0, 1, DAY // 2, DAY, DAY + 1]), min_size=1, max_size=10), st.data())
def test_forgetting_changes_nothing(all_actions: list[Action], steps: list[int], data: st.DataObject) -> None:
    """S5: whether what is over was deleted or not makes no difference to what later items lead to."""
    items = [granted(), granted(event_id="later"), *all_actions, Close(KEY, ARRIVED + 2 * DAY, ARRIVED + 2 * DAY)]
    lazy, eager = Followed(), Followed()
    now = ARRIVED
    for step in steps:
        now += step
        item = data.draw(st.sampled_from(items))
        lazy.take(item, now)
        eager.take(item, now)
        if data.draw(st.booleans()):
            eager.forget(now)
        assert (eager.activities, eager.summaries) == (lazy.activities, lazy.summaries)
    now += 9 * DAY
    for one in (lazy, eager):
        one.take(Close(KEY, now, now), now)
        one.forget(now + 9 * DAY)
        assert one.contents() == (KeyState(), {})
    assert eager.dropped == lazy.dropped


@LAW
@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=30))
def test_a_key_without_a_grant_leaves_nothing(numbers: list[int]) -> None:
    """S6: any number of unrelated root actions leaves the state as it was, once their day is over."""
    result = Followed()
    result.take_all((action(id=f"event-{number}") for number in numbers), ARRIVED)
    assert result.state.waiting == len(set(numbers))
    result.forget(ARRIVED + DAY + 1)
    assert result.contents() == (KeyState(), {})
    assert result.dropped == {"no-grant": len(set(numbers))}
