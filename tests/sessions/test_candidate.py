from __future__ import annotations

import json
from typing import Any

import pytest
from root_sessions import ADDRESS, GRANTED_AT, KEY, MEMBER, MINUTE, SECOND, identity, record, taken

from streams.extraction.event_time import format_time
from streams.extraction.sighting import Resource
from streams.sessions.action import Action
from streams.sessions.candidate import NoCandidate

AGE = 960 * SECOND


def candidate(**fields: Any) -> Action:
    """The action of a record with these fields, which must be a candidate."""
    found = taken(record(**fields))
    assert isinstance(found, Action)
    return found


def test_the_published_action_is_a_candidate() -> None:
    """S2: AWS's example of an action, which has no ``assumedRoot``, is a candidate with all that activity shows."""
    found = candidate()
    assert (found.access_key_id, found.account_id, found.created_at, found.cut) == (KEY, MEMBER, GRANTED_AT, ())
    event = found.event
    assert (event.id, event.time, event.source, event.name) == (
        "event-1",
        GRANTED_AT + MINUTE,
        "s3.amazonaws.com",
        "DeleteBucketPolicy",
    )
    assert (event.region, event.source_ip, event.user_agent) == ("us-east-1", ADDRESS, "[aws-cli/2.18]")
    assert (event.read_only, event.error_code, event.error_message, event.shared_event_id) == (False, None, None, None)
    assert event.resources == (Resource("arn:aws:s3:::amzn-s3-demo-bucket1", "AWS::S3::Bucket", MEMBER),)
    assert event.request_parameters == '{"bucketName":"amzn-s3-demo-bucket1"}'


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"userIdentity": None}, "not-root"),
        ({"userIdentity": identity(type="AssumedRole")}, "not-root"),
        ({"userIdentity": identity(type="root")}, "not-root"),
        ({"userIdentity": identity(accessKeyId=None)}, "no-key"),
        ({"userIdentity": identity(accessKeyId="")}, "no-key"),
        ({"userIdentity": identity(accessKeyId="ASIA" * 100)}, "no-key"),
        ({"userIdentity": identity(accessKeyId="AKIAIOSFODNN7EXAMPLE")}, "permanent-key"),
        ({"userIdentity": identity(accountId=None)}, "no-account"),
        ({"userIdentity": identity(accountId="22222222222")}, "no-account"),
        ({"userIdentity": identity(invokedBy="cloudformation.amazonaws.com")}, "by-service"),
        ({"eventTime": None}, "no-time"),
        ({"eventTime": "yesterday"}, "no-time"),
        ({"eventName": None}, "no-name"),
        ({"eventSource": ""}, "no-name"),
        ({"eventCategory": "Insight"}, "not-a-call"),
        ({"eventType": "AwsVpceEvent"}, "not-a-call"),
        ({"time": GRANTED_AT + AGE + SECOND}, "too-old"),
        ({"time": GRANTED_AT + AGE + SECOND, "errorCode": "AccessDenied"}, "too-old"),
    ],
)
def test_other_records_end_here_by_their_reason(fields: dict[str, Any], reason: str) -> None:
    """S2: what cannot be an action of a root session is none, and the reason says why."""
    assert taken(record(**fields)) == NoCandidate(reason)  # type: ignore[arg-type]  a test's text


@pytest.mark.parametrize("age", [-3_600_000, 0, AGE])
def test_the_age_is_at_most_sixteen_minutes(age: int) -> None:
    """S2: a call up to 960 s after its session's creation is a candidate, also one before it."""
    assert candidate(time=GRANTED_AT + age).event.time == GRANTED_AT + age


@pytest.mark.parametrize("creation", [None, "", "soon", 7])
def test_a_creation_date_that_cannot_be_read_is_none(creation: Any) -> None:
    """S2: a missing or odd ``creationDate`` bounds nothing."""
    who = identity(sessionContext={"attributes": {"creationDate": creation}})
    assert candidate(time=GRANTED_AT + 9 * AGE, userIdentity=who).created_at is None
    assert candidate(userIdentity=identity(sessionContext=None)).created_at is None


def test_refused_calls_are_candidates() -> None:
    """S2: a refused call is a candidate; an empty error is none."""
    event = candidate(errorCode="AccessDenied", errorMessage="no identity-based policy allows it").event
    assert (event.error_code, event.error_message) == ("AccessDenied", "no identity-based policy allows it")
    event = candidate(errorCode="", errorMessage=[]).event
    assert (event.error_code, event.error_message) == (None, None)
    assert candidate(errorCode=403).event.error_code == "403"


def test_a_session_of_sixty_seconds_is_followed() -> None:
    """S2: the age bounds the call, not the session's length."""
    assert candidate(time=GRANTED_AT + 59 * SECOND)


def test_an_event_without_id_gets_one() -> None:
    """T6: the id is made of the redacted record."""
    assert candidate(eventID=None).event.id.startswith("sha256:")
    assert candidate(eventID="x" * 70_000).event.id.startswith("sha256:")


def test_no_token_leaves() -> None:
    """T7: no text of an action holds a session token."""
    token = "FwoGZXIvYXdz" + "EXAMPLE" * 4
    found = candidate(
        requestParameters={"sessionToken": token, "policy": json.dumps({"sessionToken": token})},
        userAgent=f'{{"sessionToken":"{token}"}}',
        errorCode="Failed",
        errorMessage=f'sessionToken="{token}"',
        resources=[{"ARN": f'{{"sessionToken":"{token}"}}'}],
    )
    assert token not in repr(found)
    assert "REDACTED" in (found.event.request_parameters or "")


@pytest.mark.parametrize(
    ("fields", "cut"),
    [
        ({"requestParameters": {"policy": "x" * 65_536}}, ("request_parameters",)),
        ({"requestParameters": {"policy": "ä" * 40_000}}, ("request_parameters",)),
        ({"userAgent": "x" * 65_536}, ()),
        ({"userAgent": "x" * 65_537, "errorMessage": "y" * 65_537}, ("error_message", "user_agent")),
        ({"resources": [{"ARN": f"arn:aws:s3:::b-{n}"} for n in range(101)]}, ("resources",)),
        ({"resources": [{"ARN": "x" * 65_537}]}, ("resources",)),
        ({"sharedEventID": "x" * 65_537}, ("shared_event_id",)),
    ],
)
def test_long_fields_are_left_out_and_named(fields: dict[str, Any], cut: tuple[str, ...]) -> None:
    """S7: a field of more than 64 KiB is null and is named; of the resources the first hundred are kept."""
    found = candidate(**fields)
    assert found.cut == cut
    assert len(found.event.resources) <= 100
    if "request_parameters" in cut:
        assert found.event.request_parameters is None


def test_deep_parameters_cost_only_themselves() -> None:
    """R3: parameters that are nested too deeply to be redacted are left out and named."""
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    assert candidate(requestParameters=deep).cut == ("request_parameters",)
    assert taken(record(requestParameters=deep, eventID=None)) == NoCandidate("too-deep")


def test_parameters_in_other_forms_are_kept_as_json() -> None:
    """S7: parameters are JSON text whatever they are, and null if there are none."""
    assert candidate(requestParameters=None).event.request_parameters is None
    assert candidate(requestParameters={}).event.request_parameters == "{}"
    assert candidate(requestParameters="{b=1").event.request_parameters == '"{b=1"'


def test_flags_written_as_text_count() -> None:
    """R9: ``readOnly`` as text is read, and anything else is none."""
    assert [candidate(readOnly=value).event.read_only for value in (True, "false", "TRUE", "yes", 1, None)] == [
        True,
        False,
        True,
        None,
        None,
        None,
    ]


def test_an_ordinary_console_session_is_none_after_sixteen_minutes() -> None:
    """S2: of a console sign-in session of root of eleven hours, only the first sixteen minutes are candidates."""
    who = identity(sessionContext={"attributes": {"creationDate": format_time(GRANTED_AT)}})
    found = [taken(record(GRANTED_AT + minute * MINUTE, userIdentity=who)) for minute in range(11 * 60)]
    assert [isinstance(one, Action) for one in found] == [minute <= 16 for minute in range(11 * 60)]
