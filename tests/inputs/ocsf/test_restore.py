"""R10: each field of a record that was made an OCSF event and restored, by version; and whole decisions."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from cloudtrail_messages import MISSING, RECORD, changed
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from ocsf_events import ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, FIRST, SECOND, VERSIONS, ocsf

from streams.commands.rules.cases.case_file import parse_cases
from streams.content import json_text
from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.pipeline import ExtractSettings, may_match, sight
from streams.rules.rule_file import parse
from streams.rules.rule_set import RuleSet

SETTINGS = ExtractSettings(follow_sessions=True)
SHIPPED = files("streams.rules").joinpath("shipped")
NAMES = sorted(file.name.removesuffix(".toml") for file in SHIPPED.iterdir() if file.name.endswith(".toml"))
PARSED = {name: parse(SHIPPED.joinpath(f"{name}.toml").read_text("utf-8"), name) for name in NAMES}
RULES = {name: RuleSet([rule]) for name, rule in PARSED.items()}
ALL = RuleSet(list(PARSED.values()))


def restored(event: Any) -> dict[str, Any]:
    (item,) = read(json.dumps(event).encode(), 10**6)
    assert isinstance(item, Record)
    return dict(item.fields)


def at(record: Any, path: str) -> Any:
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


WHOLE = changed(
    {
        "apiVersion": "2011-06-15",
        "vpcEndpointId": "vpce-1",
        "sharedEventID": "shared-1",
        "sessionCredentialFromConsole": "true",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "clientProvidedHostHeader": "sts.amazonaws.com"},
        "additionalEventData": {"RequestDetails": {"endpointType": "regional"}},
        "userIdentity.invokedBy": "cloudformation.amazonaws.com",
        "userIdentity.userName": "casey",
        "userIdentity.sessionContext.webIdFederationData": {"federatedProvider": "accounts.google.com"},
        "errorCode": "AccessDenied",
        "errorMessage": "not allowed",
    }
)
# Texts in place of other types, where all that is unmapped is text.
AS_TEXT = {"readOnly": "false", "managementEvent": "true"}
PATHS = [
    *(
        "eventVersion",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
    ),
    *("errorMessage", "requestID", "eventID", "eventType", "eventCategory", "apiVersion", "vpcEndpointId"),
    *(
        "recipientAccountId",
        "sharedEventID",
        "readOnly",
        "managementEvent",
        "sessionCredentialFromConsole",
        "tlsDetails",
    ),
    *("additionalEventData", "resources", "requestParameters.targetPrincipal", "requestParameters.taskPolicyArn.arn"),
    *("responseElements.credentials.accessKeyId", "responseElements.credentials.expiration"),
    *(f"userIdentity.{name}" for name in ("type", "principalId", "arn", "accountId", "accessKeyId", "userName")),
    *("userIdentity.invokedBy", "userIdentity.sessionContext.attributes", "userIdentity.sessionContext.sessionIssuer"),
    *("userIdentity.sessionContext.sourceIdentity", "userIdentity.sessionContext.webIdFederationData"),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_field_is_restored(version: str, path: str) -> None:
    """R10: a field of the record comes back under its own name, with its own value."""
    expected = at(WHOLE, path)
    assert expected is not None
    assert at(restored(ocsf(WHOLE, version)), path) == AS_TEXT.get(path, expected)


@pytest.mark.parametrize(("version", "expected"), [(FIRST, "900"), (SECOND, 900)])
def test_numbers_of_the_request_are_texts_in_the_first_version_only(version: str, expected: Any) -> None:
    """R10: the first version has texts alone; the second keeps the request parameters as they are."""
    record = restored(ocsf(RECORD, version))
    assert record["requestParameters"]["durationSeconds"] == expected
    (sighting,) = sight(json.dumps(ocsf(RECORD, version)).encode(), RULES["assume_root"], SETTINGS).sightings
    assert sighting.event.duration_seconds == 900


def _identity(**user: Any) -> dict[str, Any]:
    return {"userIdentity": user, "errorCode": "x"}


OIDC = "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"
IDENTITIES: dict[str, dict[str, Any]] = {
    "root": _identity(type="Root", principalId="222222222222", arn="arn:aws:iam::222222222222:root"),
    "a user": _identity(type="IAMUser", principalId="AIDA", arn="arn:aws:iam::1:user/a", userName="a"),
    "a service": _identity(type="AWSService", invokedBy="config.amazonaws.com"),
    "an account": _identity(type="AWSAccount", principalId="AIDA", accountId="111111111111"),
    "SAML": _identity(type="SAMLUser", principalId="S:a", userName="a", identityProvider="S"),
    "a web identity, whose id looks like an ARN": _identity(
        type="WebIdentityUser",
        principalId=f"{OIDC}:sts.amazonaws.com:repo:a/b",
        identityProvider=OIDC,
        userName="repo:a/b",
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_kind_of_identity_is_restored(version: str, name: str) -> None:
    """R10: ARN and principal id do not change places, and the provider is where CloudTrail has it."""
    record = changed(IDENTITIES[name])
    assert restored(ocsf(record, version))["userIdentity"] == record["userIdentity"]


@pytest.mark.parametrize("version", ["1.1.0", "1.5.0"])
def test_an_arn_under_uid_alt_is_the_arn(version: str) -> None:
    """R10: some writers of later versions have the ARN and the principal id in each other's place."""
    event = ocsf(RECORD)
    event["metadata"]["version"] = version
    user = event["actor"]["user"]
    user["uid"], user["uid_alt"] = user["uid_alt"], user["uid"]
    who = restored(event)["userIdentity"]
    assert (who["arn"], who["principalId"]) == (RECORD["userIdentity"]["arn"], RECORD["userIdentity"]["principalId"])


SIGN_IN = changed(
    {
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "userIdentity": {"type": "Root", "principalId": "1", "arn": "arn:aws:iam::1:root", "accountId": "1"},
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Failure"},
        "errorMessage": "Failed authentication",
        "additionalEventData": {"LoginTo": "https://console.aws.amazon.com", "MobileVersion": "No", "MFAUsed": "No"},
    }
)
ASSUMED = changed(
    {
        "eventName": "AssumeRole",
        "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/R", "roleSessionName": "s"},
        "responseElements": None,
    }
)


def _iam(operation: str, **parameters: str) -> dict[str, Any]:
    return changed(
        {
            "eventSource": "iam.amazonaws.com",
            "eventName": operation,
            "requestParameters": parameters,
            "responseElements": None,
        }
    )


USED_UP: dict[str, tuple[str, dict[str, Any], str]] = {
    "a refused sign-in": (AUTHENTICATION, SIGN_IN, "responseElements"),
    "its words": (AUTHENTICATION, SIGN_IN, "errorMessage"),
    "where it went, and without MFA": (AUTHENTICATION, SIGN_IN, "additionalEventData"),
    "an assumed role": (AUTHENTICATION, ASSUMED, "requestParameters"),
    "a user": (ACCOUNT_CHANGE, _iam("CreateUser", userName="u"), "requestParameters"),
    "a user's policy": (ACCOUNT_CHANGE, _iam("AttachUserPolicy", userName="u", policyArn="p"), "requestParameters"),
    "a role's policy": (ACCOUNT_CHANGE, _iam("AttachRolePolicy", roleName="r", policyArn="p"), "requestParameters"),
}


@pytest.mark.parametrize("name", USED_UP)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_class_uses_up_is_restored(version: str, name: str) -> None:
    """R10: a field that is in an attribute of the class alone comes back, and a refused sign-in has no error code."""
    class_name, record, path = USED_UP[name]
    found = restored(ocsf(record, version, class_name))
    assert found[path] == record[path]
    assert found.get("errorCode") == record.get("errorCode")


def test_the_name_of_a_new_role_is_not_guessed() -> None:
    """R10: in the first version the name of a role that was made may be its path, so it stays missing."""
    event = ocsf(_iam("CreateRole", roleName="r", description="d"), FIRST, ACCOUNT_CHANGE)
    assert restored(event)["requestParameters"] == {"description": "d"}


UNMAPPED: dict[str, Any] = {
    "paths": {"requestParameters.taskPolicyArn.arn": "p", "requestParameters.targetPrincipal": "t"},
    "objects": {"requestParameters": {"taskPolicyArn": {"arn": "p"}, "targetPrincipal": "t"}},
    "both": {"requestParameters": {"targetPrincipal": "t"}, "requestParameters.taskPolicyArn.arn": "p"},
    "both, the other way round": {
        "requestParameters.taskPolicyArn.arn": "p",
        "requestParameters": {"targetPrincipal": "t"},
    },
    "objects with paths in them": {
        "requestParameters": {"taskPolicyArn": {"arn": "p"}},
        "requestParameters.targetPrincipal": "t",
    },
    "a text in it": {"requestParameters": '{"taskPolicyArn":{"arn":"p"},"targetPrincipal":"t"}'},
}
UNMAPPED |= {f"{name}, as JSON text": json.dumps(value) for name, value in UNMAPPED.items()}
UNMAPPED["Java's map text"] = "{requestParameters={taskPolicyArn={arn=p}, targetPrincipal=t}}"


@pytest.mark.parametrize("name", UNMAPPED)
def test_unmapped_fields_have_many_forms(name: str) -> None:
    """R10: paths, objects, or a text of all of it, are read alike."""
    event = ocsf(RECORD, FIRST) | {"unmapped": UNMAPPED[name]}
    assert restored(event)["requestParameters"] == {"taskPolicyArn": {"arn": "p"}, "targetPrincipal": "t"}


def test_an_attribute_counts_before_what_is_unmapped() -> None:
    """R2, R10: a path in the map cannot replace what an attribute says."""
    event = ocsf(RECORD) | {
        "unmapped": {"eventName": "x", "userIdentity.arn": "x", "requestParameters.targetPrincipal": "x"}
    }
    found = restored(event)
    assert (found["eventName"], found["userIdentity"]["arn"]) == ("AssumeRoot", RECORD["userIdentity"]["arn"])
    assert found["requestParameters"]["targetPrincipal"] == RECORD["requestParameters"]["targetPrincipal"]


def test_a_path_through_a_text_keeps_both() -> None:
    """R10: where a text stands in the way of a path, neither is lost."""
    event = ocsf(RECORD, FIRST) | {"unmapped": {"a": "text", "a.b.c": "value", "d.e": "1", "d.e.f": "2"}}
    found = restored(event)
    assert (found["a"], found["a.b.c"], found["d"]) == ("text", "value", {"e": "1", "e.f": "2"})


TIMES: dict[str, tuple[dict[str, Any], str | None]] = {
    "milliseconds": ({"time": 1_767_268_800_123}, "2026-01-01T12:00:00.123Z"),
    "whole seconds": ({"time": 1_767_268_800_000}, "2026-01-01T12:00:00Z"),
    "a fraction": ({"time": 1_767_268_800_000.0}, "2026-01-01T12:00:00Z"),
    "digits": ({"time": "1767268800000"}, "2026-01-01T12:00:00Z"),
    "before the epoch": ({"time": "-1000"}, "1969-12-31T23:59:59Z"),
    "a date": ({"time": "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z"),
    "the other attribute": ({"time": None, "time_dt": "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z"),
    "beyond all years, and the other": ({"time": 10**30, "time_dt": "2026-01-01T12:00:00Z"}, "2026-01-01T12:00:00Z"),
    "none": ({"time": None, "time_dt": None}, None),
    "a truth": ({"time": True, "time_dt": None}, None),
    "no number": ({"time": float("nan"), "time_dt": None}, None),
    "beyond all years": ({"time": -(10**40), "time_dt": 7}, None),
}


@pytest.mark.parametrize("name", TIMES)
def test_the_time_is_read_in_its_forms(name: str) -> None:
    """R10: the time is milliseconds since the epoch; what is no time leaves the record without one (T5)."""
    changes, expected = TIMES[name]
    assert restored(ocsf(RECORD) | changes).get("eventTime") == expected


FAILURES: dict[str, tuple[dict[str, Any], tuple[str | None, str | None]]] = {
    "a status": ({"status": "Failure"}, ("status Failure", None)),
    "a status in small letters": ({"status": "failed", "status_id": 99}, ("status failed", None)),
    "its number alone": ({"status": None, "status_id": 2}, ("status Failure", None)),
    "its code and detail": (
        {"status": "Failure", "status_code": "AccessDenied", "status_detail": "no"},
        ("AccessDenied", "no"),
    ),
    "success": ({"status": "Success", "status_id": 1}, (None, None)),
    "another status": ({"status": None, "status_id": 99}, (None, None)),
    "a contradiction that the text decides": ({"status": "Success", "status_id": 2}, (None, None)),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_may_be_told_by_the_status_alone(name: str) -> None:
    """T2, R10: an event without an error that says that it failed is no success."""
    changes, expected = FAILURES[name]
    found = restored(ocsf(RECORD) | changes)
    assert (found.get("errorCode"), found.get("errorMessage")) == expected


CASES = {
    f"{name}: {case.name}": (name, case)
    for name in NAMES
    for case in parse_cases(SHIPPED.joinpath(f"{name}.cases.jsonl").read_text("utf-8"), name, len(PARSED[name].terms))
}
# How the first version writes lists is not documented, so no rule reads them.
WITH_LISTS = {"snapshot_sharing"}


def decided(value: Any, rules: RuleSet) -> Any:
    """What a message gives, without the text of the record."""
    result = sight(json.dumps(value).encode(), rules, SETTINGS)
    return (
        [structs.replace(sighting, record="") for sighting in result.sightings],
        [(rejected.reason, rejected.error) for rejected in result.rejected],
        [replace(action.event, request_parameters=None) for action in result.actions],
    )


@pytest.mark.parametrize("class_name", [API_ACTIVITY, AUTHENTICATION, ACCOUNT_CHANGE])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_cases_of_every_shipped_rule_are_decided_alike(version: str, class_name: str) -> None:
    """R10: each record of each case gives the same sightings as an event, in any class that AWS may make of it."""
    compared, taken = 0, 0
    for name, case in CASES.values():
        if version == FIRST and name in WITH_LISTS:
            continue
        for record in case.records:
            if not isinstance(record, dict) or not record.get("eventTime") or not record.get("eventID"):
                continue
            expected = decided(record, RULES[name])
            assert decided(ocsf(record, version, class_name), RULES[name]) == expected
            compared += 1
            taken += bool(expected[0])
    assert (compared > 100, taken > 50) == (True, True)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=8)
LEAVES = st.text(max_size=8) | st.integers() | st.booleans() | st.none()
NESTED = st.dictionaries(TEXT, st.recursive(LEAVES, lambda inner: st.dictionaries(TEXT, inner, max_size=3)), max_size=3)
KEPT = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
PRINCIPALS = st.sampled_from(list(IDENTITIES)) | st.just("the record's own")
ACCOUNTS = st.sampled_from(
    ["222222222222", "arn:aws:iam::333333333333:root", "arn:aws:organizations::1:account/o-a/444444444444", "x", ""]
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """AssumeRoot records and others, of any identity, whole or not, refused or not."""
    who = draw(PRINCIPALS)
    identity = RECORD if who not in IDENTITIES else changed({"userIdentity": IDENTITIES[who]["userIdentity"]})
    seconds = draw(st.integers(-62_135_596_800, 253_402_300_799))
    optional: dict[str, Any] = {
        "eventTime": json_text_time(seconds),
        "eventName": draw(st.sampled_from(["AssumeRoot", "AssumeRole", "assumeroot", "ConsoleLogin"])),
        "eventID": draw(TEXT),
        "sourceIPAddress": draw(st.sampled_from(["192.0.2.1", "2001:db8::1", "cloudformation.amazonaws.com"])),
        "requestParameters.targetPrincipal": draw(ACCOUNTS),
        "resources": draw(st.lists(st.fixed_dictionaries({"accountId": ACCOUNTS}, optional={"ARN": TEXT}), max_size=2)),
        "additionalEventData": draw(NESTED),
    }
    if draw(st.booleans()):
        optional |= {"errorCode": draw(TEXT), "responseElements": None}
    if draw(st.booleans()):
        optional["requestParameters.targetPrincipal"] = MISSING
    return changed(optional, identity)


def json_text_time(seconds: int) -> str:
    from streams.extraction.event_time import format_time  # noqa: PLC0415

    return format_time(seconds * 1000).replace(".000Z", "Z")


@settings(max_examples=60)
@given(records(), st.sampled_from(VERSIONS), st.sampled_from([API_ACTIVITY, AUTHENTICATION, ACCOUNT_CHANGE]))
def test_an_event_decides_as_its_record_does(record: dict[str, Any], version: str, class_name: str) -> None:
    """R10: whatever the record, its event gives the same sightings, actions and rejections."""
    assert decided(ocsf(record, version, class_name), ALL) == decided(record, ALL)


@settings(max_examples=60)
@given(records(), KEPT, st.sampled_from(VERSIONS))
def test_the_fetch_filter_keeps_what_gives_a_sighting(record: dict[str, Any], more: Any, version: str) -> None:
    """R10: no event that a rule takes is dropped unread, whatever else is in it."""
    event = ocsf(record, version)
    event["unmapped"]["requestParameters.more"] = more
    value = json.dumps(event).encode()
    result = sight(value, ALL, SETTINGS)
    if result.sightings or result.actions or result.rejected:
        assert may_match(value, ALL, SETTINGS)


@settings(max_examples=60)
@given(
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.just("a.b"), inner, max_size=4)
    ),
    st.sampled_from(
        ["unmapped", "api", "actor", "metadata", "user", "resources", "raw_data", "time", "class_uid", "src_endpoint"]
    ),
)
def test_any_value_anywhere_is_an_outcome(value: Any, name: str) -> None:
    """R3: an attribute of any form gives a sighting, an ignored event or a rejection, and never an error."""
    result = sight(json.dumps(ocsf(RECORD) | {name: value}).encode(), ALL, SETTINGS)
    assert len(result.sightings) + len(result.rejected) + sum(result.passed_over.values()) >= 1


@pytest.mark.parametrize("depth", [100, 120, 127, 200, 900])
@pytest.mark.parametrize("name", ["unmapped", "api"])
def test_deep_nesting_is_an_outcome(name: str, depth: int) -> None:
    """R3: an event that is nested deeply, in what is copied and merged, is a sighting or malformed."""
    deep = '{"a":' * depth + "1" + "}" * depth
    event = ocsf(RECORD)
    if name == "unmapped":
        event["unmapped"] = {"requestParameters": "DEEP", "requestParameters.b": "c"}
    else:
        event["api"]["request"]["data"] = "DEEP"
    value = json_text.compact(event).replace('"DEEP"', deep).encode()
    result = sight(value, RULES["assume_root"], SETTINGS)
    assert bool(result.sightings) != bool(result.rejected)
