from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cloudtrail_messages import (
    ACCOUNT,
    EVENT_MS,
    ISSUER,
    MISSING,
    PRINCIPAL,
    RECORD,
    TASK_POLICY,
    TOKEN,
    changed,
)
from sightings import RULE, RULES

from streams.extraction.extract import ExtractSettings, extract
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.extraction.record import PassedOver, Record
from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting, Term
from streams.extraction.taking import Incomplete

DAY = 86_400_000
REDACTED = changed({"responseElements.credentials.sessionToken": "REDACTED"})


def extracted(
    changes: dict[str, Any] | None = None, extract_settings: ExtractSettings | None = None, origin: Origin | None = None
) -> tuple[Sighting, ...] | PassedOver | Incomplete:
    fields = changed(changes or {})
    result = extract(Record(fields, fields, "record"), RULES, extract_settings or ExtractSettings(), origin)
    if not result.taken:
        assert result.passed_over is not None
        return PassedOver(result.passed_over)
    [taken] = result.taken
    return taken.incomplete or taken.sightings


def sightings(*args: Any, **kwargs: Any) -> tuple[Sighting, ...]:
    result = extracted(*args, **kwargs)
    assert isinstance(result, tuple), result
    return result


def at(timestamp: int) -> Origin:
    return Origin("cloudtrail", 1, 2, timestamp)


def test_a_sighting_tells_all_that_the_record_tells() -> None:
    """T3, T4, T6, T7, A5: every field of a sighting, from a record as AWS writes it."""
    assert sightings(origin=at(EVENT_MS)) == (
        Sighting(
            rule_id=RULE.id,
            terms=(Term("rootwatch.principal", PRINCIPAL), Term("rootwatch.member_account", ACCOUNT)),
            combination=0,
            mapping_version=1,
            principal=PRINCIPAL,
            member_account=ACCOUNT,
            member_account_source="target",
            identity=Identity(
                recorded_arn=PRINCIPAL,
                type="AssumedRole",
                account_id="111111111111",
                user_name="Operator",
                session_issuer_arn=ISSUER,
                session_name="casey",
                access_key_id="ASIACALLER",
                mfa_authenticated=True,
                source_identity="casey@example.com",
            ),
            event=Event(
                id="11111111-2222-3333-4444-555555555555",
                name="AssumeRoot",
                time=EVENT_MS,
                region="eu-central-1",
                source_ip="192.0.2.10",
                user_agent="aws-cli/2.15",
                request_id="request-1",
                recipient_account_id="111111111111",
                task_policy=TASK_POLICY,
                target_principal=ACCOUNT,
                duration_seconds=900,
                resources=(Resource("arn:aws:iam::333333333333:root", "AWS::IAM::Root", "333333333333"),),
                issued_access_key_id="ASIAISSUED",
                issued_expires_at=EVENT_MS + 900_000,
            ),
            record=json.dumps(REDACTED, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            origin=at(EVENT_MS),
        ),
    )


PASSED_OVER = {
    "another event": {"eventName": "AssumeRole"},
    "another case of the name": {"eventName": "assumeRoot"},
    "a name with a blank": {"eventName": "AssumeRoot "},
    "other names in a list": {"eventName": ["AssumeRole", "assumeRoot"]},
    "no name": {"eventName": MISSING},
    "another source": {"eventSource": "iam.amazonaws.com"},
    "another case of the source": {"eventSource": "STS.amazonaws.com"},
    "another partition's source": {"eventSource": "sts.amazonaws.com.cn"},
    "no source": {"eventSource": MISSING},
    "an error code": {"errorCode": "AccessDenied"},
    "an error code beside a response": {"errorCode": "AccessDenied", "errorMessage": MISSING} | {"errorMessage": ""},
    "an error message alone": {"errorMessage": "not authorized"},
    "an odd error code": {"errorCode": 0},
    "an Insight event": {"eventCategory": "Insight"},
    "an old Insight event": {"eventType": "AwsCloudTrailInsight"},
    "a network activity event": {"eventCategory": "NetworkActivity"},
    "what a VPC endpoint saw": {"eventType": "AwsVpceEvent"},
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_is_not_a_success_of_the_event_is_passed_over(name: str) -> None:
    """T1, T2, R5: source and name are exact, any error code or message is a failure, and not every event is a call."""
    changes = {path: value for path, value in PASSED_OVER[name].items() if value is not MISSING or path in RECORD}
    assert isinstance(extracted(changes), PassedOver)


SUCCESSES = {
    "a name in a list": {"eventName": ["AssumeRoot"]},
    "error fields that say that there is none": {"errorCode": "-", "errorMessage": "none"},
    "empty error fields": {"errorCode": "", "errorMessage": None},
    "error fields that are empty in another way": {"errorCode": [], "errorMessage": {}},
    "no response": {"responseElements": None},
    "no request but an account in the resources": {"requestParameters": None},
    "another category": {"eventCategory": MISSING, "eventType": MISSING},
    "an event of a service": {"eventType": "AwsServiceEvent"},
}


@pytest.mark.parametrize("name", SUCCESSES)
def test_empty_errors_are_none_and_the_response_does_not_decide(name: str) -> None:
    """T2: success is the absence of errors, not the presence of credentials."""
    assert len(sightings(SUCCESSES[name])) == 1


@pytest.mark.parametrize(
    ("changes", "principal"),
    [
        ({}, ISSUER),
        ({"userIdentity.sessionContext.sessionIssuer": MISSING}, PRINCIPAL),
        ({"userIdentity.sessionContext": MISSING}, PRINCIPAL),
        ({"userIdentity.sessionContext.sessionIssuer.arn": ""}, PRINCIPAL),
        ({"userIdentity.type": "IAMUser"}, PRINCIPAL),
        ({"userIdentity.type": "FederatedUser"}, PRINCIPAL),
        ({"userIdentity.arn": MISSING}, ISSUER),
    ],
)
def test_the_issuer_stands_for_all_sessions_of_a_role(changes: dict[str, Any], principal: str) -> None:
    """T3: with principal = issuer, an assumed role is its role's ARN; without an issuer it is the recorded ARN."""
    [sighting] = sightings(changes, ExtractSettings(principal="issuer"))
    assert sighting.principal == principal
    assert sighting.identity.recorded_arn == (PRINCIPAL if changes != {"userIdentity.arn": MISSING} else ISSUER)


def test_the_principal_is_the_recorded_arn_as_it_is() -> None:
    """T3: the ARN is not normalised: case, blanks and partition stay."""
    for arn in ("arn:aws-us-gov:iam::111111111111:user/Zoë X", " arn:aws:iam::1:user/a ", "AIDAEXAMPLE"):
        [sighting] = sightings({"userIdentity.arn": arn})
        assert sighting.principal == arn


def _resources(*accounts: Any) -> list[Any]:
    return [{"accountId": account, "ARN": f"arn:{account}"} for account in accounts]


@pytest.mark.parametrize(
    ("target", "resources", "setting", "accounts", "source"),
    [
        ("222222222222", _resources("333333333333"), "target", ["222222222222"], "target"),
        ("arn:aws:iam::222222222222:root", [], "target", ["222222222222"], "target"),
        ("nobody", _resources("333333333333"), "target", ["333333333333"], "resources"),
        (None, _resources("333333333333"), "target", ["333333333333"], "resources"),
        (MISSING, _resources("4" * 12, "3" * 12, "4" * 12), "target", ["4" * 12, "3" * 12], "resources"),
        ("222222222222", _resources("333333333333"), "resources", ["333333333333"], "resources"),
        ("222222222222", [7, {"accountId": "333333333333"}, {}], "resources", ["333333333333"], "resources"),
        ("nobody", _resources("33", None, "3" * 12, 333333333333), "target", ["3" * 12], "resources"),
    ],
)
def test_the_member_account_is_the_target_or_else_each_account_of_the_resources(
    target: Any, resources: Any, setting: Any, accounts: list[str], source: str
) -> None:
    """T4: there is one sighting per distinct account, all of the same event, each with the source of its account."""
    found = sightings(
        {"requestParameters.targetPrincipal": target, "resources": resources}, ExtractSettings(member_account=setting)
    )
    assert [sighting.member_account for sighting in found] == accounts
    assert {(sighting.member_account_source, sighting.event.id) for sighting in found} == {(source, RECORD["eventID"])}


INCOMPLETE: dict[str, tuple[dict[str, Any], str]] = {
    "no identity": ({"userIdentity": MISSING}, "no principal"),
    "no ARN": ({"userIdentity.arn": MISSING}, "no principal"),
    "an empty ARN": ({"userIdentity.arn": ""}, "no principal"),
    "an ARN that is no text": ({"userIdentity.arn": ["arn"]}, "no principal"),
    "no account": ({"requestParameters": None, "resources": MISSING}, "no member account"),
    "only the recipient's account": ({"requestParameters": {}, "resources": []}, "no member account"),
    "resources that are no list": (
        {"requestParameters": None, "resources": {"accountId": "333333333333"}},
        "no member account",
    ),
    "no time": ({"eventTime": MISSING}, "no readable eventTime"),
    "a time with a zone's name": ({"eventTime": "2026-01-01T12:00:00 CET"}, "no readable eventTime"),
    "a number as time": ({"eventTime": 1767268800}, "no readable eventTime"),
    "nothing at all": (
        {"userIdentity": None, "requestParameters": None, "resources": None, "eventTime": None},
        "no principal; no member account; no readable eventTime",
    ),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_success_that_lacks_a_term_or_a_time_is_incomplete(name: str) -> None:
    """T5: an incomplete success is neither a sighting nor passed over; its known values are kept."""
    changes, error = INCOMPLETE[name]
    result = extracted(changes)
    assert isinstance(result, Incomplete)
    assert result.error == error
    assert result.partial.event_id == RECORD["eventID"]
    assert result.partial.issued_access_key_id == "ASIAISSUED"
    assert (result.partial.principal is None) == ("principal" in error)
    assert (result.partial.member_account is None) == ("account" in error)
    assert (result.partial.event_time is None) == ("eventTime" in error)
    assert result.redacted
    assert TOKEN not in result.record


def test_an_event_from_the_future_is_incomplete() -> None:
    """T5: an eventTime more than a day after the Kafka timestamp is incomplete; exactly a day, or earlier, is not."""
    for timestamp in (EVENT_MS - DAY, EVENT_MS, EVENT_MS + 1000 * DAY):
        assert len(sightings(origin=at(timestamp))) == 1
    result = extracted(origin=at(EVENT_MS - DAY - 1))
    assert isinstance(result, Incomplete)
    assert result.error == "eventTime is more than a day after the Kafka timestamp"
    assert result.partial.event_time == EVENT_MS


@pytest.mark.parametrize(
    ("timestamp", "named"),
    [
        (0, "0 (1970-01-01T00:00:00.000Z): the producer set none"),
        (
            -62_135_596_800_000,
            "-62135596800000 (0001-01-01T00:00:00.000Z): the producer set none, year 1 is an unset time in .NET and Go",
        ),
        (
            -62_135_600_400_000,
            "-62135600400000 (before year 1): the producer set none, year 1 is an unset time in .NET and Go",
        ),
        (EVENT_MS // 1000, "the producer wrote seconds, not milliseconds"),
        (1_000_000_000_000, "the producer's clock is wrong, CloudTrail is younger than that"),
        (-2, "-2 (1969-12-31T23:59:59.998Z): the producer's clock is wrong, CloudTrail is younger than that"),
    ],
)
def test_a_kafka_timestamp_that_is_no_time_is_named(timestamp: int, named: str) -> None:
    """T5: if the producer's timestamp is wrong and not the event, the dead letter says so."""
    result = extracted(origin=at(timestamp))
    assert isinstance(result, Incomplete)
    assert result.error.startswith("eventTime is more than a day after the Kafka timestamp, which is ")
    assert named in result.error


def test_without_a_kafka_timestamp_nothing_is_compared() -> None:
    """T5, M4: Kafka writes -1 for no timestamp; by the record clock such a success has no time."""
    [sighting] = sightings(origin=at(NO_TIMESTAMP))
    assert (sighting.time_by("event"), sighting.time_by("record")) == (EVENT_MS, EVENT_MS)
    result = extracted(extract_settings=ExtractSettings(clock="record"), origin=at(NO_TIMESTAMP))
    assert isinstance(result, Incomplete)
    assert result.error == 'no Kafka timestamp, which is the time where clock = "record"'


def test_from_a_file_or_by_the_kafka_clock_the_future_is_no_reason() -> None:
    """T5, M4: files have no Kafka timestamp, and by the Kafka timestamp no event is from the future.

    The event keeps its own time all the same.
    """
    assert len(sightings({"eventTime": "9999-12-31T23:59:59Z"})) == 1
    [sighting] = sightings(extract_settings=ExtractSettings(clock="record"), origin=at(EVENT_MS - 5 * DAY))
    assert sighting.event.time == EVENT_MS
    [sighting] = sightings(extract_settings=ExtractSettings(clock="record"))
    assert sighting.event.time == EVENT_MS


def test_by_the_kafka_clock_an_unreadable_event_time_is_incomplete_all_the_same() -> None:
    """T5: every success needs a readable eventTime."""
    assert isinstance(extracted({"eventTime": "soon"}, ExtractSettings(clock="record"), at(EVENT_MS)), Incomplete)


@pytest.mark.parametrize("event_id", [MISSING, None, "", 7, ["x"]])
def test_without_an_event_id_the_redacted_record_gives_one(event_id: Any) -> None:
    """T6: the id is the SHA-256 of the redacted record as canonical JSON, so it does not depend on the token."""
    redacted = changed({"eventID": event_id}, REDACTED)
    text = json.dumps(redacted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    [sighting] = sightings({"eventID": event_id})
    assert sighting.event.id == expected
    [other] = sightings({"eventID": event_id, "responseElements.credentials.sessionToken": "another"})
    assert other.event.id == expected


ODD_DETAILS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a policy that is text": ({"requestParameters.taskPolicyArn": "arn:p"}, {"task_policy": "arn:p"}),
    "no policy": ({"requestParameters.taskPolicyArn": {}}, {"task_policy": None}),
    "a policy of the wrong type": ({"requestParameters.taskPolicyArn": {"arn": 7}}, {"task_policy": None}),
    "a duration that is text": ({"requestParameters.durationSeconds": "60"}, {"duration_seconds": 60}),
    "a duration beyond an int": ({"requestParameters.durationSeconds": 10**20}, {"duration_seconds": None}),
    "a negative duration": ({"requestParameters.durationSeconds": -1}, {"duration_seconds": None}),
    "a duration that is true": ({"requestParameters.durationSeconds": True}, {"duration_seconds": None}),
    "no response": (
        {"responseElements": None},
        {"issued_access_key_id": None, "issued_expires_at": None},
    ),
    "a response of the wrong type": ({"responseElements": "{}"}, {"issued_access_key_id": None}),
    "an unreadable expiration": ({"responseElements.credentials.expiration": 5}, {"issued_expires_at": None}),
    "a numeric region": ({"awsRegion": 1}, {"region": None}),
    "a shared event": ({"sharedEventID": "shared"}, {"shared_event_id": "shared"}),
    "resources of odd types": (
        {"resources": [{"ARN": 1, "type": None, "accountId": "3"}, "x"]},
        {"resources": (Resource(),)},
    ),
}


@pytest.mark.parametrize("name", ODD_DETAILS)
def test_odd_details_are_unknown_and_cost_nothing(name: str) -> None:
    """A5, R3: an optional field may be missing or have the wrong type; the sighting is valid."""
    changes, expected = ODD_DETAILS[name]
    [sighting] = sightings(changes)
    assert {field: getattr(sighting.event, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [("true", True), ("false", False), ("True", True), (True, True), (False, False), ("yes", None), (1, None)],
)
def test_mfa_is_a_boolean_that_cloudtrail_writes_as_text(recorded: Any, expected: bool | None) -> None:  # noqa: FBT001
    """A5: mfaAuthenticated is "true" or "false" in any case, or a boolean; anything else is null."""
    [sighting] = sightings({"userIdentity.sessionContext.attributes.mfaAuthenticated": recorded})
    assert sighting.identity.mfa_authenticated is expected


def test_no_field_of_a_sighting_carries_a_token() -> None:
    """T7: text with a token is redacted in every field of the sighting."""
    secret = f"sessionToken={TOKEN}"
    for path in ("userAgent", "userIdentity.arn", "requestParameters.targetPolicy", "eventID", "awsRegion"):
        [sighting] = sightings({path: secret})
        assert TOKEN not in repr(sighting)
        assert "sessionToken=REDACTED" in repr(sighting)


def test_the_record_is_not_changed() -> None:
    """T7: redaction makes a copy; the caller's record does not change."""
    fields = changed({})
    extract(Record(fields, fields, "record"), RULES, ExtractSettings(), None)
    assert fields == RECORD
