"""Alerts as other teams see them: bytes that any Avro reader reads, and JSON lines."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
import strategies
from hypothesis import HealthCheck, given, settings

from streams.wire import alert as wire
from streams.wire.schemas import newest, released, written
from streams.wire.single_object import UnknownSchemaError, WireError, fingerprint
from streams.wire.versions import written_number

SAMPLES = Path(__file__).parent / "samples"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLOW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

SAMPLE = json.loads((SAMPLES / "alert.json").read_text(encoding="utf-8"))


def read_with_avro(schema: dict[str, Any], body: bytes) -> dict[str, Any]:
    read: dict[str, Any] = avro.io.DatumReader(avro.schema.parse(json.dumps(schema))).read(
        avro.io.BinaryDecoder(io.BytesIO(body))
    )
    return read


def dated(alert: dict[str, Any]) -> dict[str, Any]:
    """Return the alert with its timestamps as the instants that a reader with logical types gives."""
    instants = {
        ("novelty", "first_seen"),
        ("novelty", "previous_seen"),
        ("novelty", "learning_ended_at"),
        ("event", "time"),
        ("event", "issued_expires_at"),
        ("origin", "timestamp"),
    }
    shown = json.loads(json.dumps(alert))
    for outer, inner in instants:
        if shown[outer] is not None and shown[outer][inner] is not None:
            shown[outer][inner] = EPOCH + timedelta(milliseconds=shown[outer][inner])
    if shown["detected_at"] is not None:
        shown["detected_at"] = EPOCH + timedelta(milliseconds=shown["detected_at"])
    return shown


@given(alert=strategies.alerts())
@SLOW
def test_round_trip(alert: dict[str, Any]) -> None:
    """A decoded alert equals the encoded one, with timestamps as integers, also outside the calendar."""
    assert wire.decode(wire.encode(alert)) == alert
    assert wire.read_alert(wire.encode(alert)) == alert


@given(alert=strategies.alerts(strategies.DATED))
@SLOW
def test_other_readers_agree(alert: dict[str, Any]) -> None:
    """Two independent readers with the shipped schema alone see the same alert, and its timestamps as instants."""
    value = wire.encode(alert)
    assert value[:10] == b"\xc3\x01" + fingerprint(written("alert"))
    assert read_with_avro(written("alert"), value[10:]) == dated(alert)
    assert fastavro.schemaless_reader(io.BytesIO(value[10:]), written("alert"), None) == dated(alert)


@given(alert=strategies.alerts(strategies.DATED))
@SLOW
def test_other_writers_are_read(alert: dict[str, Any]) -> None:
    """An alert that another Avro library wrote, with instants as its timestamps, is read as one of ours."""
    body = io.BytesIO()
    writer = avro.io.DatumWriter(avro.schema.parse(json.dumps(newest("alert"))))
    writer.write(dated(alert), avro.io.BinaryEncoder(body))
    assert wire.decode(b"\xc3\x01" + fingerprint(newest("alert")) + body.getvalue()) == alert


@pytest.mark.parametrize("version", range(1, len(released("alert")) + 1))
def test_alerts_of_every_release_are_read(version: int) -> None:
    """A sample holds bytes that a release wrote; this version and the ``avro`` package read them (P2)."""
    value = bytes.fromhex((SAMPLES / f"alert-{version}.hex").read_text(encoding="ascii"))
    schema = released("alert")[version - 1]
    assert value[2:10] == fingerprint(schema)
    read = wire.read_alert(value)
    assert read["alert_id"] == SAMPLE["alert_id"]
    assert {name: read[name] for name in read_with_avro(schema, value[10:])} == {
        field["name"]: SAMPLE[field["name"]] for field in schema["fields"]
    }


def test_todays_sample() -> None:
    """This release writes the sample of its written version, to the byte."""
    stored = (SAMPLES / f"alert-{written_number('alert')}.hex").read_text(encoding="ascii")
    assert wire.encode(SAMPLE) == bytes.fromhex(stored)


def test_json_of_the_sample() -> None:
    """As JSON every field is there, timestamps have milliseconds and Z, and the record is an object (P3)."""
    shown = wire.to_json(SAMPLE)
    assert shown["novelty"] == {
        "kind": "returned",
        "first_seen": "2025-11-03T08:00:00.000Z",
        "previous_seen": "2026-01-10T07:59:59.999Z",
        "gap_seconds": 4410840,
        "times_seen": 3,
        "principal_is_new": False,
        "principal_known_accounts": 2,
        "learning_ended_at": None,
    }
    assert shown["event"]["time"] == "2026-03-02T09:14:00.000Z"
    assert shown["event"]["issued_expires_at"] == "2026-03-02T09:29:00.000Z"
    assert shown["origin"] == {
        "topic": "cloudtrail",
        "partition": 3,
        "offset": 4711,
        "timestamp": "2026-03-02T09:18:31.042Z",
    }
    assert shown["detected_at"] == "2026-03-02T09:18:31.105Z"
    assert shown["record"]["eventName"] == "AssumeRoot"
    assert shown["geo"] is None


def test_json_of_a_message_without_a_kafka_timestamp() -> None:
    """Kafka writes -1 for no timestamp: as JSON it is null, not the last millisecond of 1969."""
    shown = wire.to_json(SAMPLE | {"origin": SAMPLE["origin"] | {"timestamp": -1}})
    assert shown["origin"] == {"topic": "cloudtrail", "partition": 3, "offset": 4711, "timestamp": None}
    before = wire.to_json(SAMPLE | {"origin": SAMPLE["origin"] | {"timestamp": -2}})
    assert before["origin"]["timestamp"] == "1969-12-31T23:59:59.998Z"
    assert shown["principal"] == SAMPLE["principal"]


def test_json_of_a_file_alert() -> None:
    """An alert from a file shows its null origin and, in a backtest, its null detected_at (P3)."""
    shown = wire.to_json(SAMPLE | {"origin": None, "detected_at": None})
    assert shown["origin"] is None
    assert shown["detected_at"] is None


@given(alert=strategies.alerts())
@SLOW
def test_json_has_every_field_in_order(alert: dict[str, Any]) -> None:
    """Any alert, with any 64-bit timestamps, becomes one line of JSON with the schema's fields in its order."""
    line = wire.to_json_line(alert)
    assert "\n" not in line
    shown = json.loads(line)
    assert list(shown) == [field["name"] for field in newest("alert")["fields"]]
    assert shown["record"] == json.loads(alert["record"])
    assert set(shown["event"]) == set(alert["event"])


def test_json_line_of_overflow() -> None:
    """An alert above the cap has ``overflow`` on its line, and an alert below has not (A3)."""
    assert json.loads(wire.to_json_line(SAMPLE, overflow=True)) == wire.to_json(SAMPLE) | {"overflow": True}
    assert json.loads(wire.to_json_line(SAMPLE)) == wire.to_json(SAMPLE)


@pytest.mark.parametrize("field", ["alert_id", "geo", "record"])
def test_incomplete_alerts_are_not_written(field: str) -> None:
    """An alert without one of its fields is the programmer's error, and is not written with a default."""
    with pytest.raises(ValueError, match=field):
        wire.encode({name: value for name, value in SAMPLE.items() if name != field})


def confluent(schema_id: int, schema: dict[str, Any], alert: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), alert)
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


def test_reading_with_a_registry() -> None:
    """Confluent's format is read with the schema of its id, which is looked up by that id."""
    asked: list[int] = []

    def lookup(schema_id: int) -> str:
        asked.append(schema_id)
        return json.dumps(newest("alert"))

    assert wire.read_alert(confluent(258, newest("alert"), SAMPLE), lookup) == SAMPLE
    assert asked == [258]


def test_reading_what_a_newer_version_wrote() -> None:
    """With a registry an alert of a newer version is read, without the fields that this version does not know."""
    newer = json.loads(json.dumps(newest("alert")))
    newer["fields"].append({"name": "ticket", "type": ["null", "string"], "default": None})
    value = confluent(9, newer, SAMPLE | {"ticket": "SEC-1"})
    assert wire.read_alert(value, lambda _schema_id: json.dumps(newer)) == SAMPLE


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "not an alert: 0 bytes"),
        (b"\x00\x00\x00", "not an alert: 3 bytes that start with 000000"),
        (b'{"alert_id": 1}', "not an alert: 15 bytes"),
        (b"\x00\x00\x00\x00\x01\x02", "set schema_registry_url"),
        (b"\xc3\x01" + bytes(8), "newer version"),
    ],
)
def test_what_is_no_alert(value: bytes, message: str) -> None:
    """Bytes that cannot be read as an alert raise one error, which says what they are or what is missing."""
    with pytest.raises(WireError, match=message):
        wire.read_alert(value)


def test_unknown_version_names_its_fingerprint() -> None:
    """An alert of a newer version without a registry is refused by its fingerprint."""
    with pytest.raises(UnknownSchemaError, match=r"rootwatch\.Alert.*0011223344556677"):
        wire.read_alert(bytes.fromhex("c3010011223344556677"))


def test_cut_alert_in_confluents_format() -> None:
    """A cut body raises the same error if the schema came from the registry."""
    value = confluent(1, newest("alert"), SAMPLE)[:-1]
    with pytest.raises(WireError, match="alert with schema id 1 cannot be decoded"):
        wire.read_alert(value, lambda _schema_id: json.dumps(newest("alert")))


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param('{"type": "record", "name": "Order", "fields": []}', id="another record"),
        pytest.param('"long"', id="no record"),
        pytest.param('{"type": "object"}', id="JSON schema"),
        pytest.param('syntax = "proto3";', id="protobuf"),
    ],
)
def test_value_of_another_schema(schema: str) -> None:
    """A value that was written to the alert topic with another schema raises the same error."""
    with pytest.raises(WireError):
        wire.read_alert(b"\x00\x00\x00\x00\x07\x02", lambda _schema_id: schema)
