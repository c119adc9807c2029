from __future__ import annotations

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
    as_arrays,
    changed,
    dotted,
    ecs,
    filebeat,
    java_map,
)
from sightings import RULES

from streams.content.java_map import NoJavaMapError, parse
from streams.pipeline import ExtractSettings, SightResult, sight

DOCUMENT = ecs(RECORD)


def read(document: Any, extract_settings: ExtractSettings | None = None) -> SightResult:
    return sight(json.dumps(document).encode(), RULES, extract_settings or ExtractSettings())


SPELLINGS = {
    "nested": DOCUMENT,
    "dotted": dotted(DOCUMENT),
    "arrays": as_arrays(DOCUMENT),
    "mixed": {
        **{key: value for key, value in DOCUMENT.items() if key != "aws"},
        **{name: value for name, value in dotted(DOCUMENT).items() if name.startswith("aws.")},
    },
    "half dotted": {
        **DOCUMENT,
        "aws": {"cloudtrail.user_identity": DOCUMENT["aws"]["cloudtrail"]["user_identity"]},
        "aws.cloudtrail": {k: v for k, v in DOCUMENT["aws"]["cloudtrail"].items() if k != "user_identity"},
    },
    "a hit": {"_index": "i", "_source": DOCUMENT, "fields": {"event.dataset": ["aws.cloudtrail"]}},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_ingested_document_tells_the_same(spelling: str) -> None:
    """R1, A5: for nested, dotted or mixed keys, values or arrays of one, only the sighting's record differs."""
    [sighting] = read(SPELLINGS[spelling]).sightings
    assert (sighting.principal, sighting.member_account, sighting.member_account_source) == (
        PRINCIPAL,
        ACCOUNT,
        "target",
    )
    assert sighting.identity.type == "AssumedRole"
    assert sighting.identity.session_issuer_arn == ISSUER
    assert sighting.identity.user_name == "Operator"
    assert sighting.identity.account_id == "111111111111"
    assert sighting.identity.access_key_id == "ASIACALLER"
    assert sighting.identity.mfa_authenticated is True
    event = sighting.event
    assert (event.id, event.time, event.region) == (RECORD["eventID"], EVENT_MS, "eu-central-1")
    assert (event.source_ip, event.user_agent, event.request_id) == ("192.0.2.10", "aws-cli/2.15", "request-1")
    assert (event.task_policy, event.duration_seconds) == (TASK_POLICY, 900)
    assert (event.issued_access_key_id, event.issued_expires_at) == ("ASIAISSUED", EVENT_MS + 900_000)
    assert [(r.arn, r.type, r.account_id) for r in event.resources] == [
        ("arn:aws:iam::333333333333:root", "AWS::IAM::Root", "333333333333")
    ]
    assert TOKEN not in repr(sighting)


def test_the_record_of_an_ingested_document_is_the_document() -> None:
    """T6, T7: the record of a hit is its source, without tokens in the text of the response and in the original."""
    [sighting] = read({"_source": DOCUMENT, "fields": as_arrays(DOCUMENT)}).sightings
    shown = json.loads(sighting.record)
    assert shown["event"]["action"] == "AssumeRoot"
    assert "sessionToken=REDACTED" in shown["aws"]["cloudtrail"]["response_elements"]
    assert json.loads(shown["event"]["original"])["responseElements"]["credentials"]["sessionToken"] == "REDACTED"


DECIDING: dict[str, tuple[dict[str, Any], bool]] = {
    "as it is": ({}, True),
    "the data stream's dataset": ({"event.dataset": MISSING, "data_stream": {"dataset": "aws.cloudtrail"}}, True),
    "either dataset": ({"event.dataset": "aws.other", "data_stream": {"dataset": "aws.cloudtrail"}}, True),
    "an original that says otherwise": ({"event.original": json.dumps(changed({"eventName": "AssumeRole"}))}, True),
    "no original": ({"event.original": MISSING}, True),
    "a failure": ({"event.outcome": "failure"}, False),
    "an unknown outcome": ({"event.outcome": "unknown"}, False),
    "a document of a failed pipeline": ({"event.kind": "pipeline_error", "event.outcome": "failure"}, True),
    "no outcome": ({"event.outcome": MISSING}, True),
    "another case of success": ({"event.outcome": "Success"}, False),
    "another action": ({"event.action": "AssumeRole"}, False),
    "another action than the original's": ({"event.action": "GetObject"}, False),
    "another provider": ({"event.provider": "iam.amazonaws.com"}, False),
    "no provider": ({"event.provider": MISSING}, True),
    "no action": ({"event.action": MISSING}, True),
    "no principal": ({"aws.cloudtrail.user_identity.arn": MISSING}, True),
    "no time": ({"@timestamp": MISSING}, True),
    "nothing of its parameters": (
        {
            "aws.cloudtrail.flattened": MISSING,
            "aws.cloudtrail.request_parameters": MISSING,
            "aws.cloudtrail.resources": [],
        },
        True,
    ),
    "half way, and another event's original": (
        {"event.outcome": MISSING, "event.original": json.dumps(changed({"eventName": "AssumeRole"}))},
        False,
    ),
    "another dataset": ({"event.dataset": "aws.cloudwatch_logs"}, False),
    "no dataset": ({"event.dataset": MISSING}, False),
}


@pytest.mark.parametrize("name", DECIDING)
def test_the_fields_decide_and_not_the_original(name: str) -> None:
    """T2: dataset, provider, action and outcome decide; if the pipeline left them half way, the original decides."""
    changes, matches = DECIDING[name]
    result = read(changed(changes, DOCUMENT))
    assert (len(result.sightings) == 1) == matches
    assert result.rejected == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"aws.cloudtrail.flattened": MISSING},
        {
            "aws.cloudtrail.flattened": MISSING,
            "aws.cloudtrail.request_parameters": json.dumps(RECORD["requestParameters"]),
        },
        {"aws.cloudtrail.flattened": MISSING, "aws.cloudtrail.request_parameters": RECORD["requestParameters"]},
        {"aws.cloudtrail.request_parameters": MISSING, "aws.cloudtrail.response_elements": MISSING},
        {"aws.cloudtrail.request_parameters": "{targetPrincipal=999999999999}"},
    ],
)
def test_request_parameters_are_read_from_whatever_form_is_there(changes: dict[str, Any]) -> None:
    """R1, T4: parameters are objects, or text of a Java map or of JSON; objects count before text."""
    [sighting] = read(changed(changes, DOCUMENT)).sightings
    assert (sighting.member_account, sighting.event.task_policy) == (ACCOUNT, TASK_POLICY)
    assert sighting.event.duration_seconds == 900
    assert sighting.event.issued_access_key_id == "ASIAISSUED"


def test_accounts_of_the_resources_are_read_in_both_spellings() -> None:
    """T4: resources are objects, a single object, or a list per field, as in the fields of a hit."""
    accounts = ["333333333333", "444444444444", "333333333333"]
    entries = [{"account_id": account, "arn": f"arn:{account}", "type": "t"} for account in accounts]
    for document in (
        changed({"aws.cloudtrail.resources": entries}, DOCUMENT),
        as_arrays(changed({"aws.cloudtrail.resources": entries}, DOCUMENT)),
    ):
        found = read(document, ExtractSettings(member_account="resources")).sightings
        assert [sighting.member_account for sighting in found] == accounts[:2]
        assert [resource.account_id for resource in found[0].event.resources] == accounts
    single = changed({"aws.cloudtrail.resources": entries[1]}, DOCUMENT)
    [sighting] = read(single, ExtractSettings(member_account="resources")).sightings
    assert sighting.member_account == accounts[1]


def test_the_issuer_may_be_the_principal() -> None:
    """T3: principal = issuer works for ingested documents too."""
    [sighting] = read(DOCUMENT, ExtractSettings(principal="issuer")).sightings
    assert (sighting.principal, sighting.identity.recorded_arn) == (ISSUER, PRINCIPAL)


@pytest.mark.parametrize("path", ["aws.cloudtrail.user_identity.arn", "@timestamp"])
def test_an_ingested_success_without_a_term_or_time_is_incomplete(path: str) -> None:
    """T5: without the missing value in the original, the document is incomplete."""
    document = changed({path: MISSING, "event.original": MISSING}, DOCUMENT)
    assert [rejected.reason for rejected in read(document).rejected] == ["incomplete"]


def test_an_ingested_document_without_event_id_has_its_own() -> None:
    """T6: the id is the hash of the redacted document."""
    [sighting] = read(changed({"event.id": MISSING}, DOCUMENT)).sightings
    assert sighting.event.id.startswith("sha256:")


def test_before_ingest_the_time_is_that_of_the_record() -> None:
    """T5: Filebeat's own @timestamp, the time of reading, does not count."""
    [sighting] = read(filebeat(json.dumps(RECORD))).sightings
    assert sighting.event.time == EVENT_MS


@pytest.mark.parametrize("field", ["message", "event.original"])
def test_a_raw_document_whose_text_is_no_record_is_rejected(field: str) -> None:
    """R3, R6: text that is cut is malformed; JSON that is not a record has an unknown shape."""
    assert [r.reason for r in read(filebeat(json.dumps(RECORD)[:-5], field)).rejected] == ["malformed"]
    assert [r.reason for r in read(filebeat("{}", field)).rejected] == ["unknown-shape"]


def test_the_original_counts_before_the_message() -> None:
    """R1: if both are there, event.original is the record and message is a text for people."""
    document = filebeat(json.dumps(RECORD), "event.original") | {"message": "AssumeRoot by casey"}
    assert len(read(document).sightings) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("{a=b}", {"a": "b"}),
        ("{a=, b=null}", {"a": "", "b": None}),
        (
            "{a={b={c=d}}, e=[f, g], h=[], i=[{j=k}, l]}",
            {"a": {"b": {"c": "d"}}, "e": ["f", "g"], "h": [], "i": [{"j": "k"}, "l"]},
        ),
        ("{expiration=Oct 2, 2019 11:12:29 PM, a=b}", {"expiration": "Oct 2, 2019 11:12:29 PM", "a": "b"}),
        ("{a=b=c==, d=x:y/z}", {"a": "b=c==", "d": "x:y/z"}),
        ('{a={"b": [{"c": "d=e, f={g}"}]}, h=i}', {"a": '{"b": [{"c": "d=e, f={g}"}]}', "h": "i"}),
        ("{a=b {c} d, e=[f {g: [h, i]}, [], {}]}", {"a": "b {c} d", "e": ["f {g: [h, i]}", [], {}]}),
        (java_map(RECORD["requestParameters"]), {**RECORD["requestParameters"], "durationSeconds": "900"}),
    ],
)
def test_the_text_of_a_java_map_is_read(text: str, value: dict[str, Any]) -> None:
    """R1: Elastic's pipeline writes parameters in the text form of a Java map."""
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=b",
        "{a}",
        "{a=b",
        "{a=b}x",
        "{a=[b}",
        "{a={b=c}",
        "{=b}",
        "{a=" * 500,
        "{a=b}, a=c}",
        "{a=b, a=c}",
        "{a={b}",
        "{a={b, c=d}",
        "{a=" * 99 + "{, " * 99_999,
    ],
)
def test_other_text_is_no_java_map(text: str) -> None:
    """R3: text of another form, cut text and endless nesting are refused."""
    with pytest.raises(NoJavaMapError):
        parse(text)
