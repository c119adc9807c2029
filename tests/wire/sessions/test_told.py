"""What is published of sessions is put together again, in whatever order it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from root_sessions import DAY, GRANTED_AT, HOUR, Followed, action, granted

from streams.wire.sessions.datum import datum
from streams.wire.sessions.told import Told, session_of

SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "alert.json").read_text(encoding="utf-8"))


def published() -> list[tuple[str, Any]]:
    """What is published of a session with two revisions and of a later one of the same key, and an alert."""
    followed = Followed()
    followed.take_all([granted(), action("GetBucketPolicy", read_only=True)])
    followed.close(GRANTED_AT + 2 * HOUR)
    followed.take(action("PutBucketPolicy"), GRANTED_AT + 3 * HOUR)
    followed.take(granted(GRANTED_AT + 5 * HOUR, alert_id=None), GRANTED_AT + 5 * HOUR)
    followed.close(GRANTED_AT + DAY)
    values = [("activity", datum(one)) for one in followed.activities]
    values += [("summary", datum(one)) for one in followed.summaries]
    return [*values, ("alert", SAMPLE | {"alert_id": "alert-1"})]


PUBLISHED = published()


def collected(values: list[tuple[str, Any]]) -> Told:
    """Everything added in this order."""
    told = Told()
    for kind, value in values:
        {"activity": told.add_activity, "summary": told.add_summary, "alert": told.add_alert}[kind](value)
    return told


@given(st.permutations(PUBLISHED + PUBLISHED[:2]))
def test_any_order_tells_the_same(values: list[tuple[str, Any]]) -> None:
    """S10: order and repeats change nothing: the last revision is kept, each action is there once, in order of time."""
    told = collected(values)
    first, second = told.sessions()
    assert first.alert is not None
    assert first.alert["alert_id"] == "alert-1"
    assert (first.summary or {})["revision"] == 1
    assert [one["event"]["name"] for one in first.ordered()] == ["GetBucketPolicy", "PutBucketPolicy"]
    assert (second.alert, second.activities, (second.summary or {})["actions"]) == (None, {}, [])
    assert told.missing_alerts == set()
    assert told.sessions() == [first, second]


def test_alerts_that_are_still_to_be_read() -> None:
    """A session names the alert that it belongs to, so that it can be looked for."""
    told = collected([(kind, value) for kind, value in PUBLISHED if kind != "alert"])
    assert told.missing_alerts == {"alert-1"}


def test_the_session_of_an_alert_needs_nothing_else() -> None:
    """S4: id and grant follow from the alert alone, so a session without a record can be told too."""
    (told,) = collected([("alert", SAMPLE)]).sessions()
    assert told.session_id is not None
    assert (told.grant or {})["issued_access_key_id"] == SAMPLE["event"]["issued_access_key_id"]
    assert collected([("alert", SAMPLE)]).session_ids == {told.session_id}


def test_the_sessions_id_is_the_workers() -> None:
    """S4: the id that follows from an alert is the one under which the worker publishes."""
    made = granted()
    event = SAMPLE["event"] | {
        "id": made.grant.event_id,
        "time": made.grant.time,
        "issued_access_key_id": made.grant.issued_access_key_id,
        "issued_expires_at": made.grant.expires_at,
        "task_policy": made.grant.task_policy,
        "source_ip": made.grant.source_ip,
    }
    alert = SAMPLE | {
        "rule": SAMPLE["rule"] | {"id": made.rule_id},
        "principal": SAMPLE["principal"] | {"arn": made.grant.principal},
        "member_account": SAMPLE["member_account"] | {"id": made.grant.member_account},
        "event": event,
    }
    followed = Followed()
    followed.take(made)
    assert session_of(alert) == (followed.state.sessions[0].session_id, made.grant)


def test_a_call_without_a_temporary_key_has_no_session() -> None:
    """S4: without a key, or with one that does not begin with ASIA, there is no session; the alert is told alone."""
    for key in (None, "AKIAIOSFODNN7EXAMPLE"):
        alert = SAMPLE | {"event": SAMPLE["event"] | {"issued_access_key_id": key}}
        assert session_of(alert) is None
        (told,) = collected([("alert", alert)]).sessions()
        assert (told.session_id, told.alert) == (None, alert)
