"""Findings are valid by OCSF's own schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import ValidationError
from ocsf_schema import CARRIED, finding_schema, validator, whole_schema
from published_examples import ALERT, SUMMARY
from strategies import DATED, alerts, session_summaries

from streams.wire.alert_formats.formats import FORMATS, to_bytes
from streams.wire.alert_formats.ocsf import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

OCSF = FORMATS["ocsf"]
_FINDING = 2004


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a reader sees it, after validation."""
    found: dict[str, Any] = json.loads(to_bytes(document))
    validator().validate(found)
    return found


@given(
    alert=alerts(DATED),
    overflow=st.booleans(),
    address=st.none() | st.just("sts.amazonaws.com") | st.ip_addresses().map(str),
)
def test_every_alert_is_a_valid_finding(alert: dict[str, Any], address: str | None, *, overflow: bool) -> None:
    """Any alert, also with nearly nothing in it, is valid."""
    alert = alert | {"event": alert["event"] | {"source_ip": address}}
    assert valid(OCSF.alert(alert, overflow=overflow))["class_uid"] == _FINDING


@given(session_summaries())
def test_every_summary_is_a_valid_finding(summary: dict[str, Any]) -> None:
    """Any session summary is valid."""
    assert valid(OCSF.summary(summary))["class_uid"] == _FINDING


def test_the_examples_are_valid_and_whole() -> None:
    """With every field filled, a finding is valid, and its ids and numbers are those of class 2004."""
    alert, summary = valid(OCSF.alert(ALERT, overflow=False)), valid(OCSF.summary(SUMMARY))
    assert (alert["class_uid"], alert["type_uid"], summary["type_uid"]) == (2004, 200401, 200402)
    assert summary["finding_info"]["related_events"][0]["uid"] == alert["finding_info"]["uid"] == ALERT["alert_id"]
    assert alert["metadata"]["version"] == VERSION
    assert VERSION.split(".")[:1] == CARRIED.split(".")[:1]


def test_captions_are_those_of_the_schema() -> None:
    """A number and the word beside it say the same, by the schema."""
    whole = whole_schema()
    finding = whole["classes"]["detection_finding"]["attributes"]
    user, account = (whole["objects"][name]["attributes"] for name in ("user", "account"))
    resource = whole["objects"]["resource_details"]["attributes"]
    alert, summary = OCSF.alert(ALERT, overflow=False), OCSF.summary(SUMMARY)
    for document in (alert, summary):
        for number, word in (("severity_id", "severity"), ("status_id", "status"), ("activity_id", "activity_name")):
            assert finding[number]["enum"][str(document[number])]["caption"] == document[word]
    evidence, target = alert["evidences"][0]["actor"]["user"], alert["resources"][0]
    assert account["type_id"]["enum"][str(evidence["account"]["type_id"])]["caption"] == evidence["account"]["type"]
    assert resource["role_id"]["enum"][str(target["role_id"])]["caption"] == target["role"]
    assert user["type_id"]["enum"][str(evidence["type_id"])]["caption"] == "Other"
    kinds = whole["objects"]["observable"]["attributes"]["type_id"]["enum"]
    named = {kinds[str(each["type_id"])]["caption"]: each["name"] for each in alert["observables"]}
    assert named["IP Address"].endswith("src_endpoint.ip")
    assert named["User Object: uid"].endswith("user.uid")
    assert named["Account Object: uid"].endswith("account.uid")
    assert named["HTTP User-Agent"].endswith("user_agent")
    assert named["User Name"].endswith("user.name")
    assert named["Resource UID"].endswith("resources[].uid")
    assert named["User Credential ID"].endswith("issued_access_key_id")


@pytest.mark.parametrize("document", [OCSF.alert(ALERT, overflow=False), OCSF.summary(SUMMARY)])
def test_nothing_deprecated_is_used(document: dict[str, Any]) -> None:
    """No attribute of a finding is deprecated."""
    assert list(deprecated(document, finding_schema(), "")) == []


def deprecated(value: Any, part: dict[str, Any], path: str) -> Iterator[str]:
    """The paths in a document that its schema calls deprecated."""
    if "$ref" in part:
        part = part | finding_schema()["$defs"][part["$ref"].rpartition("/")[2]]
    if part.get("deprecated"):
        yield path
    for entry in value if isinstance(value, list) else ():
        yield from deprecated(entry, part.get("items", {}), path)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from deprecated(inner, part.get("properties", {}).get(name, {}), f"{path}.{name}")


@pytest.mark.parametrize("change", [{"class_uid": 2003}, {"severity_id": 42}, {"finding_info": {}}, {"odd": 1}])
def test_the_schema_refuses_what_is_wrong(change: dict[str, Any]) -> None:
    """The schema that these tests trust refuses a wrong class, number, object or attribute."""
    with pytest.raises(ValidationError):
        valid(OCSF.alert(ALERT, overflow=False) | change)


@pytest.mark.parametrize(
    ("location", "coordinates"),
    [("52.52,13.405", (52.52, 13.405)), (None, None), ("", None), ("1", None), ("1,2,3", None), ("nan,1", None)],
)
def test_coordinates(location: str | None, coordinates: tuple[float, float] | None) -> None:
    """Coordinates are numbers; what is none is left out."""
    alert = ALERT | {"geo": ALERT["geo"] | {"location": location}}
    found = valid(OCSF.alert(alert, overflow=False))["evidences"][0]["src_endpoint"]["location"]
    assert ((found["lat"], found["long"]) if "lat" in found else None) == coordinates


def test_an_aws_service_is_no_address() -> None:
    """Where CloudTrail names a service in place of an address, the endpoint has its name, and no observable."""
    alert = ALERT | {"event": ALERT["event"] | {"source_ip": "sts.amazonaws.com"}, "geo": None}
    found = valid(OCSF.alert(alert, overflow=False))
    assert found["evidences"][0]["src_endpoint"] == {"svc_name": "sts.amazonaws.com"}
    assert all("src_endpoint" not in observable["name"] for observable in found["observables"])
