from __future__ import annotations

from dataclasses import replace

import pytest
from root_sessions import (
    DAY,
    GRANTED_AT,
    HOUR,
    KEY,
    MEMBER,
    MINUTE,
    OTHER_MEMBER,
    RULES,
    SECOND,
    Followed,
    action,
    grant,
    granted,
    record,
    taken,
)

from streams.sessions.action import Action
from streams.sessions.joining.forget import Waiting, drop_waiting, keys_to_drop
from streams.sessions.joining.state import MOST_KEPT, MOST_MARKS, MOST_SESSIONS, Close, KeyState
from streams.sessions.joining.trace import TraceSettings
from streams.sessions.session_id import session_id

END = GRANTED_AT + 15 * MINUTE
GRACE = 20 * MINUTE
ARRIVED = GRANTED_AT + HOUR


def test_the_published_pair_becomes_a_session() -> None:
    """S7, S8: AWS's pair gives one activity and, once due, one summary that tells it in a sentence."""
    followed = Followed()
    found = taken(record())
    assert isinstance(found, Action)
    assert followed.take(granted()).outcome == "opened"
    assert followed.take(found).outcome == "joined"
    [activity] = followed.activities
    assert (activity.session_id, activity.alert_id) == (session_id(activity.rule_id, grant()), "alert-1")
    assert (activity.outcome, activity.kind, activity.within_task, activity.severity) == (
        "success",
        "write",
        True,
        "medium",
    )
    sentence = "deleted the bucket policy of amzn-s3-demo-bucket1 (S3UnlockBucketPolicy), from the caller's own address"
    assert activity.reason == sentence
    [summary] = followed.close()
    assert (summary.revision, summary.severity, summary.reason) == (0, "medium", sentence)
    assert [(one.source, one.name, one.outcome, one.count) for one in summary.actions] == [
        ("s3.amazonaws.com", "DeleteBucketPolicy", "success", 1)
    ]
    assert (summary.first_action_at, summary.last_action_at) == (GRANTED_AT + MINUTE, GRANTED_AT + MINUTE)
    assert summary.closed_at == GRANTED_AT + DAY


def test_an_action_may_come_before_its_grant() -> None:
    """S5: an action waits for its grant, and is told as soon as the grant is there, in order of time."""
    followed = Followed()
    assert followed.take(action(time=GRANTED_AT + 2 * MINUTE)).outcome == "waiting"
    followed.take(action("ListBuckets"))
    assert followed.activities == []
    followed.take(granted(), ARRIVED + 24 * HOUR)
    assert [one.event.name for one in followed.activities] == ["ListBuckets", "DeleteBucketPolicy"]


def test_an_action_waits_a_day_and_no_longer() -> None:
    """S5: 24 hours after it arrived an action without a grant is dropped, and counted."""
    followed = Followed()
    followed.take(action())
    followed.take(granted(), ARRIVED + DAY + 1)
    assert (followed.activities, followed.dropped) == ([], {"no-grant": 1})
    assert followed.whole == {}


def test_a_session_without_actions_is_summed_up_too() -> None:
    """S8: nothing recorded is said in so many words, with null times and severity low."""
    followed = Followed()
    followed.take(granted(task_policy=None))
    [summary] = followed.close()
    assert (summary.actions, summary.resources, summary.first_action_at, summary.last_action_at) == ((), (), None, None)
    assert (summary.severity, summary.reason) == ("low", "nothing was recorded (no task policy)")


@pytest.mark.parametrize(
    ("grant_arrived", "action_arrived", "due"),
    [
        (GRANTED_AT, GRANTED_AT, END + GRACE),
        (END + 1, GRANTED_AT, END + 1 + GRACE),
        (GRANTED_AT, END + 2, END + 2 + GRACE),
    ],
)
def test_when_a_session_is_due(grant_arrived: int, action_arrived: int, due: int) -> None:
    """S9: twenty minutes after the latest of its end, the grant's arrival and the last action's arrival."""
    followed = Followed()
    for arrived, item in sorted([(grant_arrived, granted()), (action_arrived, action())], key=lambda pair: pair[0]):
        followed.take(item, arrived)
    assert followed.state.due(GRACE) == due
    assert followed.take(Close(KEY, due, due - 1), due).outcome == "not-due"
    assert followed.take(Close(KEY, due, due), due).outcome == "closed"
    assert followed.state.due(GRACE) is None


def test_closing_twice_is_no_news() -> None:
    """S9: a second Close, or one of another owner, gives nothing."""
    followed = Followed()
    followed.take(granted())
    followed.close()
    assert followed.close() == []
    assert followed.take(Close("ASIAUNKNOWN", 0, 0)).state == followed.state


def test_a_late_action_makes_a_revision() -> None:
    """S10: an action after the summary is told at once, and the next summary has the next revision."""
    followed = Followed()
    followed.take(granted())
    followed.close(END + 2 * HOUR)
    followed.take(action(), END + 3 * HOUR)
    assert len(followed.activities) == 1
    assert followed.state.due(GRACE) == END + 3 * HOUR + GRACE
    [summary] = followed.close(END + 4 * HOUR)
    assert (summary.revision, len(summary.actions)) == (1, 1)


def test_repeats_are_no_news() -> None:
    """S6, S10: a grant or an action that comes again gives no activity, no new due time and no revision."""
    followed = Followed()
    followed.take_all([granted(), action()])
    followed.close(END + 2 * HOUR)
    before = followed.contents()
    assert followed.take(action(), END + 3 * HOUR).outcome == "repeat"
    assert followed.take(granted(), END + 3 * HOUR).outcome == "repeat"
    assert followed.contents() == before
    assert (len(followed.activities), len(followed.summaries)) == (1, 1)


def test_an_alert_id_that_becomes_known_stays() -> None:
    """S7: a grant that comes again changes nothing but an alert id that was not known."""
    followed = Followed()
    followed.take(granted(alert_id=None))
    followed.take(granted(alert_id="alert-2", principal="another"))
    followed.take(granted(alert_id=None))
    followed.take(granted(alert_id="alert-3"))
    followed.take(action())
    assert [one.alert_id for one in followed.activities] == ["alert-2"]
    assert followed.activities[0].grant == grant()


@pytest.mark.parametrize("first", [0, 1])
def test_an_event_counts_once(first: int) -> None:
    """S6: by its event id, and by its shared id; the copy that came first stands, before the grant or after it."""
    copies = [action(id="a", shared_event_id="s"), action(id="b", shared_event_id="s")]
    for items in ([granted(), *copies], [*copies, granted()], [copies[0], granted(), copies[1]]):
        followed = Followed()
        followed.take_all(items if first == 0 else [copies[1 - copies.index(i)] if i in copies else i for i in items])
        assert [one.event.id for one in followed.activities] == ["ab"[first]]
        assert followed.close()[0].actions[0].count == 1


def test_two_roads_of_which_one_loses_the_shared_id() -> None:
    """S6: the same event id is the same event, whether its shared id came along or not."""
    followed = Followed()
    followed.take_all([granted(), action(id="a"), action(id="a", shared_event_id="s")])
    followed.take(action(id="b", shared_event_id="s"))
    assert len(followed.activities) == 1


def test_the_same_key_in_two_accounts_and_at_two_times() -> None:
    """S4: key ids are not unique; account and time tell whose action it is."""
    later = GRANTED_AT + 3 * DAY
    followed = Followed()
    followed.take_all(
        [
            granted(),
            granted(event_id="other", member_account=OTHER_MEMBER),
            granted(later, event_id="later"),
            action(id="one"),
            action(id="two", account=OTHER_MEMBER),
            action(id="three", time=later + MINUTE, created_at=later),
        ],
        later,
    )
    assert [(one.event.id, one.grant.event_id) for one in followed.activities] == [
        ("one", f"grant-{GRANTED_AT}"),
        ("two", "other"),
        ("three", "later"),
    ]


def test_an_action_that_fits_two_grants_belongs_to_each() -> None:
    """S4: order has no part in it: whichever grant comes last, also after the other session was closed."""
    twin = granted(event_id="twin", alert_id=None)
    for first, second in ((granted(), twin), (twin, granted())):
        followed = Followed()
        followed.take_all([first, action()])
        followed.close(END + 2 * HOUR)
        followed.take(second, END + 3 * HOUR)
        assert {one.grant.event_id for one in followed.activities} == {f"grant-{GRANTED_AT}", "twin"}
        assert len({one.activity_id for one in followed.activities}) == 2


def test_a_grant_is_forgotten_a_day_after_its_last_arrival() -> None:
    """S5: 24 hours after the latest of its end, its arrival and its last action's arrival, and not before."""
    followed = Followed()
    followed.take_all([granted(), action()], END)
    followed.close(END + HOUR)
    followed.forget(END + DAY)
    assert not followed.state.is_empty
    followed.take(action("ListBuckets"), END + DAY)
    followed.close(END + DAY + HOUR)
    followed.forget(END + DAY + DAY)
    assert not followed.state.is_empty
    followed.forget(END + DAY + DAY + 1)
    assert followed.contents() == (KeyState(), {})


def test_a_session_is_not_forgotten_before_its_summary() -> None:
    """S9: a worker that was away for days still sums up what it had begun to follow."""
    followed = Followed()
    followed.take_all([granted(), action()])
    [summary] = followed.close(END + 9 * DAY)
    assert summary.actions
    followed.forget(END + 9 * DAY + 1)
    assert followed.contents() == (KeyState(), {})


def test_a_key_keeps_a_thousand_actions_whole() -> None:
    """S5: of a key without a grant a thousand actions wait; what is more is dropped and counted."""
    followed = Followed()
    followed.take_all(action(id=f"event-{number}") for number in range(MOST_KEPT + 7))
    assert (followed.state.waiting, followed.dropped) == (MOST_KEPT, {"key-full": 7})
    followed.take(granted())
    assert len(followed.activities) == MOST_KEPT


def test_a_key_has_a_hundred_sessions_at_a_time() -> None:
    """S5: where key ids are masked, all grants are of one key. Its state stays small; what opens none is counted."""
    followed = Followed()
    followed.take_all(granted(event_id=f"grant-{number}") for number in range(MOST_SESSIONS + 7))
    assert (len(followed.state.sessions), followed.dropped) == (MOST_SESSIONS, {"too-many-grants": 7})
    assert followed.take(granted(event_id="grant-0")).outcome == "repeat"
    assert followed.take(granted(event_id="grant-0", member_account=OTHER_MEMBER)).outcome == "dropped"
    followed.close()
    late = ARRIVED + 2 * DAY
    assert followed.take(granted(event_id="later"), late).outcome == "opened"
    assert len(followed.state.sessions) == 1


def test_a_session_of_many_actions_counts_them_all() -> None:
    """S5, S6: with a grant every action counts, each once; only the first thousand are kept whole."""
    followed = Followed()
    followed.take(granted())
    actions = [action(id=f"event-{number}") for number in range(MOST_KEPT + 50)]
    followed.take_all([*actions, *actions])
    assert (len(followed.activities), len(followed.state.kept), followed.dropped) == (MOST_KEPT + 50, MOST_KEPT, {})
    assert followed.close()[0].actions[0].count == MOST_KEPT + 50


def test_one_that_waits_takes_the_room_of_one_that_has_joined() -> None:
    """S5: a busy session drives out nobody's waiting action."""
    followed = Followed()
    followed.take(granted())
    followed.take_all(action(id=f"event-{number}") for number in range(MOST_KEPT))
    assert followed.take(action(id="other", account=OTHER_MEMBER)).outcome == "waiting"
    followed.take(granted(event_id="other", member_account=OTHER_MEMBER))
    assert (followed.activities[-1].event.id, followed.dropped) == ("other", {})


def test_marks_are_bounded() -> None:
    """S6: the state of a key stays small, however many actions there are."""
    followed = Followed()
    followed.take(granted())
    followed.state = replace(followed.state, marks=tuple(range(MOST_MARKS)))
    followed.take(action())
    assert len(followed.state.marks) == MOST_MARKS


def test_a_partition_drops_its_oldest_keys() -> None:
    """S5: a hundred thousand actions of a partition may wait; the keys that wait longest go first."""
    waiting = [Waiting(since=number, access_key_id=f"key-{number}", count=10) for number in (3, 1, 2)]
    assert keys_to_drop(waiting, 30) == []
    assert keys_to_drop(waiting, 29) == ["key-1"]
    assert keys_to_drop(waiting, 5) == ["key-1", "key-2", "key-3"]
    followed = Followed()
    followed.take_all([action(id="one"), action(id="two", account=OTHER_MEMBER)])
    followed.apply(drop_waiting(followed.state))
    assert (followed.contents(), followed.dropped) == ((KeyState(), {}), {"partition-full": 2})


def test_mfa_that_was_deactivated_is_high_unless_the_password_went_too() -> None:
    """S11: DeactivateMFADevice is high for the session, unless a DeleteLoginProfile succeeded before or after it."""
    mfa = action("DeactivateMFADevice", source="iam")
    password = action("DeleteLoginProfile", source="iam")
    policy = f"{grant().task_policy}".replace("S3UnlockBucketPolicy", "IAMDeleteRootUserCredentials")

    def severity(*actions: Action) -> tuple[str, str]:
        followed = Followed()
        followed.take_all([granted(task_policy=policy), *actions])
        [summary] = followed.close()
        return followed.activities[0].severity, summary.severity

    assert severity(mfa) == ("medium", "high")
    assert severity(mfa, password) == severity(password, mfa) == ("medium", "medium")
    failed = replace(password, event=replace(password.event, error_code="NoSuchEntity"))
    assert severity(mfa, failed) == ("medium", "high")


def test_the_grace_is_a_setting() -> None:
    """S9: how long to wait is a setting."""
    followed = Followed(TraceSettings(RULES, grace=SECOND))
    followed.take(granted(), GRANTED_AT)
    assert followed.take(Close(KEY, END + SECOND, END + SECOND), END).outcome == "closed"


def test_the_summary_names_what_weighs_most() -> None:
    """S8: the sentence names the most severe call, the number of others, and what was denied."""
    followed = Followed()
    followed.take_all(
        [
            granted(),
            action("ListBuckets", GRANTED_AT + 1),
            action("PutBucketPolicy", request_parameters='{"bucketName":"b-1"}', source_ip="198.51.100.7"),
            action("CreateUser", source="iam", error_code="AccessDenied"),
        ]
    )
    [summary] = followed.close()
    assert summary.reason == (
        "replaced the bucket policy of b-1 and made 2 other calls (S3UnlockBucketPolicy), "
        "from another address than the caller's, 1 call was denied"
    )
    assert (summary.severity, MEMBER in summary.reason) == ("high", False)
