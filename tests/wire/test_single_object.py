from __future__ import annotations

import io
import json
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.wire.schemas import without_logical_types
from streams.wire.single_object import SingleObjectCodec, UnknownSchemaError, WireError, fingerprint


def schema_of(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Kept", "namespace": "test", "fields": list(fields)}


COUNT = {"name": "count", "type": "long"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}
AT = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0}
FIRST = schema_of(COUNT)
SECOND = schema_of(COUNT, NOTE)
THIRD = schema_of(COUNT, NOTE, AT)

first = SingleObjectCodec(FIRST)
second = SingleObjectCodec(SECOND, [FIRST, SECOND])
third = SingleObjectCodec(THIRD, [FIRST, SECOND, THIRD])


def test_layout() -> None:
    """A value is C3 01, the fingerprint in little-endian order and the Avro body, to the byte."""
    assert first.encode({"count": 1}) == bytes.fromhex("c301") + fingerprint(FIRST) + bytes.fromhex("02")


@given(count=st.integers(-(2**63), 2**63 - 1), note=st.none() | st.text(), at=st.integers(-(2**63), 2**63 - 1))
def test_round_trip(count: int, note: str | None, at: int) -> None:
    """A decoded record equals the encoded one; a timestamp is the same integer, also outside the calendar."""
    datum = {"count": count, "note": note, "at": at}
    assert third.decode(third.encode(datum)) == datum


@given(count=st.integers(-(2**63), 2**63 - 1), note=st.none() | st.text())
def test_body_is_plain_avro(count: int, note: str | None) -> None:
    """Another Avro library reads what this one writes, and the other way round."""
    schema = avro.schema.parse(json.dumps(SECOND))
    value = second.encode({"count": count, "note": note})
    assert avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(value[10:]))) == {
        "count": count,
        "note": note,
    }
    body = io.BytesIO()
    avro.io.DatumWriter(schema).write({"count": count, "note": note}, avro.io.BinaryEncoder(body))
    assert second.decode(b"\xc3\x01" + fingerprint(SECOND) + body.getvalue()) == {"count": count, "note": note}


def test_older_values_are_read() -> None:
    """A value of an older release is read; missing fields have the newest schema's defaults."""
    assert third.decode(first.encode({"count": 7})) == {"count": 7, "note": None, "at": 0}
    assert third.decode(second.encode({"count": 7, "note": "n"})) == {"count": 7, "note": "n", "at": 0}


def test_newer_values_are_refused() -> None:
    """A value of a newer version is refused, and the error names its fingerprint and what to do."""
    with pytest.raises(UnknownSchemaError, match="newer version of rootwatch wrote it") as raised:
        second.decode(third.encode({"count": 7, "note": None, "at": 0}))
    assert raised.value.fingerprint == fingerprint(THIRD).hex()
    assert fingerprint(THIRD).hex() in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xc3\x01", id="header cut"),
        pytest.param(b"\x00\x00\x00\x00\x01\x02\x00", id="Confluent's format"),
        pytest.param(b'{"count": 1}', id="JSON"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND), id="no body"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\x02", id="body cut"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\x02\x00\x00", id="body too long"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\x02\x08", id="no such branch"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\x02\x02\x02\xff", id="not UTF-8"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\x02\x02\x01", id="negative length"),
        pytest.param(b"\xc3\x01" + fingerprint(SECOND) + b"\xff" * 11, id="varint without end"),
    ],
)
def test_other_bytes_are_refused(value: bytes) -> None:
    """Bytes that are not a value of the subject always raise WireError."""
    with pytest.raises(WireError):
        second.decode(value)


@given(body=st.binary(max_size=40))
@settings(max_examples=300)
def test_no_bytes_crash_the_decoder(body: bytes) -> None:
    """Any bytes behind a known header are decoded or raise WireError."""
    try:
        decoded = third.decode(b"\xc3\x01" + fingerprint(THIRD) + body)
    except WireError:
        return
    assert set(decoded) == {"count", "note", "at"}


@pytest.mark.parametrize(
    "datum",
    [
        pytest.param({"count": 1}, id="missing field"),
        pytest.param({"count": 1, "note": None, "more": 1}, id="unknown field"),
        pytest.param({"count": 1, "note": 5}, id="wrong type"),
        pytest.param({"count": 2**63, "note": None}, id="more than 64 bits"),
        pytest.param({"count": 1, "note": "\ud800"}, id="lone surrogate"),
    ],
)
def test_what_the_schema_cannot_carry_is_an_error(datum: dict[str, Any]) -> None:
    """A record with a missing or an unknown field is an error and is not encoded."""
    with pytest.raises((ValueError, OverflowError)):
        second.encode(datum)


def test_without_logical_types_leaves_the_schema_alone() -> None:
    """Leaving out logical types returns another schema; the original keeps them, for readers and registries."""
    assert without_logical_types(THIRD)["fields"][2]["type"] == {"type": "long"}
    assert THIRD["fields"][2]["type"] == {"type": "long", "logicalType": "timestamp-millis"}


@given(count=st.integers(-(2**63), 2**63 - 1), note=st.none() | st.text(), at=st.integers(-(2**63), 2**63 - 1))
def test_an_older_version_is_written(count: int, note: str | None, at: int) -> None:
    """If an older schema is written, its readers read it, and fields that are not in it are left out."""
    reads_third = SingleObjectCodec(THIRD, [FIRST, SECOND, THIRD], SECOND)
    value = reads_third.encode({"count": count, "note": note, "at": at})
    assert second.decode(value) == {"count": count, "note": note}
    assert reads_third.decode(value) == {"count": count, "note": note, "at": 0}
    assert reads_third.decode(third.encode({"count": count, "note": note, "at": at}))["at"] == at


def test_an_older_version_is_written_without_gaps() -> None:
    """Also for an older written schema, a record needs exactly the fields of the newest schema."""
    reads_second = SingleObjectCodec(SECOND, [FIRST, SECOND], FIRST)
    for datum in ({"count": 1}, {"count": 1, "note": None, "more": 1}, {"count": 1, "note": 5}):
        with pytest.raises(ValueError, match=r"note|more"):
            reads_second.encode(datum)
