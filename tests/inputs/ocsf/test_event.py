"""R10: OCSF events that are read, passed over or rejected, and what is said of them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from cloudtrail_messages import (
    OTHER,
    RECORD,
    TOKEN,
    changed,
    sns,
    subscription,
)
from ocsf_events import ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION, VERSIONS, ocsf
from sighted import OF_RECORD, read, what
from sightings import RULES

from streams.pipeline import ExtractSettings, may_match

EVENT = ocsf(RECORD)


def event(changes: dict[str, Any]) -> dict[str, Any]:
    """The event with other values at these paths; ``None`` removes one."""
    made = copy.deepcopy(EVENT)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return made


@pytest.mark.parametrize("class_name", [API_ACTIVITY, AUTHENTICATION, ACCOUNT_CHANGE])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_event_gives_the_sighting_of_its_record(version: str, class_name: str) -> None:
    """R10: in both versions and each class, the event has the sighting of the record, and passes the fetch filter."""
    value = json.dumps(ocsf(RECORD, version, class_name)).encode()
    result = read(value)
    assert (what(result), result.rejected, dict(result.records)) == (OF_RECORD, (), {"ocsf": 1})
    assert may_match(value, RULES, ExtractSettings())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_call_stays_refused(version: str) -> None:
    """T2: an event of a refused call is no sighting."""
    result = read(ocsf(changed({"errorCode": "AccessDenied", "responseElements": None}), version))
    assert (result.sightings, result.rejected) == ((), ())
    assert list(result.passed_over) == ["refused: errorCode is AccessDenied"]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_token_is_in_a_sighting(version: str) -> None:
    """T7: the token that the event carries, as a key of a map or inside a text, is in no part of the sighting."""
    message = ocsf(RECORD, version)
    assert TOKEN in json.loads(json.dumps(message))["unmapped"].values() or TOKEN in message["api"]["response"]["data"]
    (sighting,) = read(message).sightings
    assert TOKEN[:12] not in repr(sighting)
    assert json.loads(sighting.record)["class_uid"] == message["class_uid"]


CARRIED: dict[str, Any] = {
    "an array": [ocsf(OTHER), EVENT],
    "a subscription of CloudWatch Logs": subscription(EVENT, json.dumps),
    "an SNS notification": sns(json.dumps(EVENT)),
    "a hit of a search": {"_index": "ocsf-1.1.0-6003", "_id": "1", "_source": EVENT},
    "Kafka Connect": {"schema": None, "payload": EVENT},
    "a document of Elastic": {"event": {"original": json.dumps(EVENT), "dataset": "amazon_security_lake.event"}},
    "lines": b"\n".join(json.dumps(one).encode() for one in (ocsf(OTHER), EVENT)),
    "an event with a message": EVENT | {"message": "ResponseComplete"},
}


@pytest.mark.parametrize("name", CARRIED)
def test_an_event_is_read_wherever_a_record_is(name: str) -> None:
    """R1, R8: an event may come in what carries records; its own message makes it no envelope."""
    result = read(CARRIED[name])
    assert (what(result), result.rejected) == (OF_RECORD, ())


@pytest.mark.parametrize("raw", [json.dumps(RECORD), RECORD], ids=["text", "object"])
def test_the_original_in_raw_data_is_used_as_it_is(raw: Any) -> None:
    """R10: raw_data decides, and is what the alert shows; nothing of it is lost."""
    result = read(event({"raw_data": raw, "api.operation": "AssumeRole", "class_uid": 6005}))
    assert (what(result), dict(result.losses)) == (OF_RECORD, {})
    assert json.loads(result.sightings[0].record)["eventName"] == "AssumeRoot"


@pytest.mark.parametrize("raw", ['{"eventVersion":"1.11","userIde', "cut", '{"a":1}', "[]", "", 7])
def test_the_attributes_count_if_raw_data_is_no_whole_record(raw: Any) -> None:
    """R10: what was cut or is something else neither decides nor costs the event."""
    result = read(event({"raw_data": raw}))
    assert (what(result), result.rejected) == (OF_RECORD, ())


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another product": (
        {"metadata.product.name": "Amazon EKS"},
        "an OCSF event of the product Amazon EKS, not of CloudTrail",
    ),
    "another product with a record as its raw data": (
        {"metadata.product.name": "AWS WAF", "raw_data": json.dumps(RECORD)},
        "an OCSF event of the product AWS WAF, not of CloudTrail",
    ),
    "a finding about CloudTrail": (
        {"class_uid": 2004, "metadata.product.name": "GuardDuty"},
        "an OCSF event of the product GuardDuty, not of CloudTrail",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_event_of_another_product_is_passed_over(name: str) -> None:
    """R2, R10: it holds no record, whatever a caller wrote into its texts; it is counted by its product."""
    changes, reason = OTHERS[name]
    result = read(event(changes))
    assert (result.sightings, result.rejected, dict(result.passed_over)) == ((), (), {reason: 1})


UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "another class": ({"class_uid": 6005}, "of a class that is not made of its records"),
    "no class": ({"class_uid": "six"}, "of a class that is not made of its records"),
    "a truth as a class": ({"class_uid": True}, "of a class that is not made of its records"),
    "no product": ({"metadata.product": None}, "names no product"),
    "metadata that is no object": ({"metadata": "AssumeRoot"}, "names no product"),
    "no operation": ({"api.operation": None}, "without api.operation"),
    "an api that is no object": ({"api": ["AssumeRoot"]}, "without api.operation"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_event_that_may_be_of_a_call_is_not_lost_silently(name: str) -> None:
    """R6, R10: an event of CloudTrail that cannot be read as a call is an unknown shape."""
    changes, error = UNKNOWN[name]
    result = read(event(changes))
    assert (result.sightings, [rejected.reason for rejected in result.rejected]) == ((), ["unknown-shape"])
    assert error in result.rejected[0].error


@pytest.mark.parametrize("changes", [{"class_uid": "6003"}, {"metadata.product.name": "AWS CloudTrail"}])
def test_writers_may_spell_class_and_product_in_other_ways(changes: dict[str, Any]) -> None:
    """R10: the class may be a text, and the product may be named with its vendor."""
    assert what(read(event(changes))) == OF_RECORD


def test_other_documents_with_a_class_are_not_ocsf() -> None:
    """R6: class_uid alone proves nothing."""
    result = read({"class_uid": 6003, "AssumeRoot": 1})
    assert [rejected.error for rejected in result.rejected] == ["JSON of no known shape"]


def test_what_is_lost_is_said_by_version() -> None:
    """R10: a record that was restored says of which version, and that lists are lost where all is text."""
    (first,), (second,) = (list(read(ocsf(RECORD, version)).losses) for version in VERSIONS)
    assert "OCSF 1.0.0-rc.2" in first
    assert "without lists" in first
    assert "OCSF 1.1.0" in second
    assert "without lists" not in second


def test_the_event_stays_as_it_is() -> None:
    """R10: restoring adds to copies; the alert shows the event as it came."""
    message = event({"unmapped": {"requestParameters": {"a": {}}, "requestParameters.a.b": "c", "userIdentity": {}}})
    message["api"]["request"]["data"] = json.loads(message["api"]["request"]["data"])
    (sighting,) = read(message).sightings
    shown = json.loads(sighting.record)
    assert shown["api"]["request"] == message["api"]["request"]
    assert shown["unmapped"] == message["unmapped"]
