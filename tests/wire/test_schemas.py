"""The contract with other teams, checked by the ``avro`` package, which the code does not use to write."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import avro.schema
import pytest
from fastavro.schema import to_parsing_canonical_form
from registry_server import reads

import streams
from streams.detection.group_summary import GroupSummary, SeenOnDay
from streams.detection.memory import CapBucket, RuleState, TupleMemory
from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting
from streams.sessions.action import Action
from streams.sessions.grant import Grant, Granted
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import Close, Kept, KeyState
from streams.sessions.meaning.activity import Activity
from streams.sessions.meaning.summary import SessionSummary
from streams.sessions.meaning.tally import Count, Headline, Tally
from streams.wire.schemas import SUBJECTS, newest, released, schema_text, without_logical_types
from streams.wire.single_object import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

# The schemas of bytes in topics and tables. Lines are only added, each with its file in schemas/released/.
RELEASED_FINGERPRINTS = {
    "alert": ["9d521efa73d0f5fc"],
    "sighting": ["e1cd83f607f3068f"],
    "tuple": ["444dfdc81f6d1a7b"],
    "group": ["5502266110aac09a"],
    "rule": ["ddf7ff5972dcb0ed"],
    "bucket": ["fb2c3360a81010b4"],
    "activity": ["7ff54a247fb2d3bd"],
    "session_summary": ["96ecb31f057c822b"],
    "session_item": ["f12b905dfe799d3a"],
    "session_state": ["c159cbae4ad0a6b5"],
}

ALERT_FIELDS = """
alert_id reason detected_at record mapping_version
terms.field terms.value
rule.id rule.name rule.version rule.severity rule.risk_score rule.tags rule.references
rule.threat.tactic_id rule.threat.tactic_name rule.threat.technique_id rule.threat.technique_name
rule.threat.subtechnique_id rule.threat.subtechnique_name rule.threat.reference
novelty.kind novelty.first_seen novelty.previous_seen novelty.gap_seconds novelty.times_seen novelty.principal_is_new
novelty.principal_known_accounts novelty.learning_ended_at
principal.arn principal.recorded_arn principal.type principal.account_id principal.user_name
principal.session_issuer_arn principal.session_name principal.access_key_id principal.mfa_authenticated
principal.source_identity
member_account.id member_account.source
event.id event.shared_event_id event.time event.region event.source_ip event.user_agent event.request_id
event.recipient_account_id event.task_policy event.task_policy_risk event.target_principal event.target_policy
event.duration_seconds event.resources.arn event.resources.type event.resources.account_id
event.issued_access_key_id event.issued_expires_at
geo.country geo.city geo.location geo.asn geo.organization
origin.topic origin.partition origin.offset origin.timestamp
"""


GRANT_FIELDS = """
grant.event_id grant.time grant.expires_at grant.principal grant.member_account grant.issued_access_key_id
grant.task_policy grant.source_ip
"""

ACTIVITY_FIELDS = f"""
activity_id session_id rule_id alert_id {GRANT_FIELDS}
event.id event.shared_event_id event.time event.source event.name event.region event.source_ip event.user_agent
event.read_only event.error_code event.error_message
event.resources.arn event.resources.type event.resources.account_id event.request_parameters
outcome kind within_task after_end same_source_ip severity reason cut detected_at
"""

SUMMARY_FIELDS = f"""
session_id rule_id alert_id revision {GRANT_FIELDS}
actions.source actions.name actions.outcome actions.count resources.arn resources.type resources.account_id
first_action_at last_action_at severity reason cut closed_at
"""


def records(schema: Any) -> Iterator[dict[str, Any]]:
    """Give every record in the schema, the outermost first."""
    if isinstance(schema, list):
        for branch in schema:
            yield from records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema
        for part in (*(field["type"] for field in schema.get("fields", [])), schema.get("items")):
            yield from records(part)


def leaves(schema: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the dotted names of all fields that are not records themselves."""
    inner = next(records(schema), None)
    if inner is None:
        yield ".".join(path)
        return
    for field in inner["fields"]:
        yield from leaves(field["type"], (*path, field["name"]))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_avro_parses_every_schema(subject: str) -> None:
    """The reference implementation accepts each newest and each released schema."""
    for schema in (newest(subject), *released(subject)):
        assert avro.schema.parse(json.dumps(schema)).type == "record"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_change_is_fully_compatible(subject: str) -> None:
    """Any two of a subject's schemas read each other's data (P2: FULL_TRANSITIVE)."""
    texts = [json.dumps(schema) for schema in (newest(subject), *released(subject))]
    for reader, writer in itertools.permutations(texts, 2):
        assert reads(reader=reader, writer=writer)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_released_schemas_stay(subject: str) -> None:
    """A released schema is never changed or removed (P2): its fingerprint is pinned here."""
    assert [fingerprint(schema).hex() for schema in released(subject)] == RELEASED_FINGERPRINTS[subject]


@pytest.mark.skipif("dev" in streams.__version__, reason="between releases the newest schema may be ahead")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_release_keeps_what_it_writes(subject: str) -> None:
    """At a released version the newest schema is among the released ones, so that later versions can read it."""
    assert newest(subject) in released(subject)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_field_is_explained(subject: str) -> None:
    """Every field has a ``doc``, in whole sentences."""
    for field in (field for record in records(newest(subject)) for field in record["fields"]):
        assert field.get("doc", "").endswith("."), field["name"]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_optional_fields_are_null_by_default(subject: str) -> None:
    """Optional fields are unions of null, first, and one type, with default null (P2)."""
    for field in (field for record in records(newest(subject)) for field in record["fields"]):
        if isinstance(field["type"], list):
            assert field["type"][0] == "null", field["name"]
            assert len(field["type"]) == 2, field["name"]
            assert field["default"] is None, field["name"]


def test_activity_and_summaries_have_the_fields_of_the_contract() -> None:
    """The fields of activity and summaries are those that consumers were promised (S7, S8), in this order."""
    for subject, name, fields in (
        ("activity", "Activity", ACTIVITY_FIELDS),
        ("session_summary", "SessionSummary", SUMMARY_FIELDS),
    ):
        assert list(leaves(newest(subject))) == fields.split()
        assert (newest(subject)["namespace"], newest(subject)["name"]) == (f"rootwatch.{subject}", name)


def test_alert_has_the_fields_of_the_contract() -> None:
    """The alert's fields are those of P1, each under its name."""
    assert sorted(leaves(newest("alert"))) == sorted(ALERT_FIELDS.split())
    assert (newest("alert")["namespace"], newest("alert")["name"]) == ("rootwatch", "Alert")


@pytest.mark.parametrize(
    ("subject", "record", "value"),
    [
        ("sighting", "Sighting", Sighting),
        ("sighting", "Identity", Identity),
        ("sighting", "Event", Event),
        ("sighting", "Resource", Resource),
        ("sighting", "Origin", Origin),
        ("tuple", "TupleMemory", TupleMemory),
        ("group", "GroupSummary", GroupSummary),
        ("group", "SeenOnDay", SeenOnDay),
        ("rule", "RuleState", RuleState),
        ("bucket", "CapBucket", CapBucket),
        ("session_item", "Granted", Granted),
        ("session_item", "Grant", Grant),
        ("session_item", "Action", Action),
        ("session_item", "Close", Close),
        ("session_state", "KeyState", KeyState),
        ("session_state", "Session", Session),
        ("session_state", "Grant", Grant),
        ("session_state", "Tally", Tally),
        ("session_state", "Count", Count),
        ("session_state", "Headline", Headline),
        ("session_state", "Kept", Kept),
        ("activity", "Activity", Activity),
        ("activity", "Grant", Grant),
        ("session_summary", "SessionSummary", SessionSummary),
        ("session_summary", "Grant", Grant),
        ("session_summary", "Actions", Count),
    ],
)
def test_internal_schemas_carry_every_field(subject: str, record: str, value: type) -> None:
    """The schemas of sighting and memory have exactly the fields of detection's classes."""
    schema = next(one for one in records(newest(subject)) if one["name"] == record)
    names = tuple(value.__annotations__)
    assert tuple(field["name"] for field in schema["fields"]) == names


@pytest.mark.parametrize("subject", SUBJECTS)
def test_times_are_timestamps(subject: str) -> None:
    """Every field that holds an instant is ``timestamp-millis`` (P2), and no other is."""
    instants = {"time", "timestamp", "first_seen", "last_seen", "previous_seen", "start"}
    instants |= {"arrived", "first", "last", "due", "at"}
    for field in (field for record in records(newest(subject)) for field in record["fields"]):
        is_instant = field["name"] in instants or field["name"].endswith("_at")
        assert ("timestamp-millis" in json.dumps(field["type"])) == is_instant or next(records(field["type"]), None)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_fingerprint_is_the_specifications(subject: str) -> None:
    """The fingerprint is CRC-64-AVRO, little-endian, of a canonical form in which logical types are folded away."""
    canonical = to_parsing_canonical_form(newest(subject))
    assert canonical == to_parsing_canonical_form(without_logical_types(newest(subject)))
    assert '{"type":"long"}' not in canonical
    assert fingerprint(newest(subject)) == crc_64_avro(canonical.encode()).to_bytes(8, "little")


def crc_64_avro(data: bytes) -> int:
    """The specification's pseudo-code ("Schema Fingerprints"), a bit at a time."""
    empty = 0xC15D213AA4D7A795
    value = empty
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (empty if value & 1 else 0)
    return value


def test_crc_64_avro_of_the_specification() -> None:
    """The test's own CRC gives the fingerprint that Avro's Java implementation pins for ``"int"``."""
    assert crc_64_avro(b'"int"') == 0x7275D51A3F395C8F


def test_unknown_subject_is_refused() -> None:
    """An unknown subject raises KeyError."""
    with pytest.raises(KeyError):
        schema_text("../pyproject")
