from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import avro.io
import avro.schema
import pytest
import strategies
from hypothesis import HealthCheck, given, settings

from streams.wire.schemas import without_logical_types, written
from streams.wire.sighting import decode, encode
from streams.wire.single_object import WireError, fingerprint

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting


@given(sighting=strategies.sightings())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_round_trip(sighting: Sighting) -> None:
    """A decoded sighting equals the encoded one: principals, record, origin, times and whether it only teaches."""
    assert decode(encode(sighting)) == sighting


@given(sighting=strategies.sightings())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_another_reader_agrees(sighting: Sighting) -> None:
    """Another Avro library needs only the shipped schema to read a sighting (P4)."""
    value = encode(sighting)
    assert value[:10] == b"\xc3\x01" + fingerprint(written("sighting"))
    schema = avro.schema.parse(json.dumps(without_logical_types(written("sighting"))))
    read = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(value[10:])))
    assert read["principal"] == sighting.principal
    assert read["event"]["time"] == sighting.event.time
    assert read["event"]["resources"] == [
        {"arn": resource.arn, "type": resource.type, "account_id": resource.account_id}
        for resource in sighting.event.resources
    ]
    assert read["record"] == sighting.record
    assert read["teaching"] == sighting.teaching


@pytest.mark.parametrize("value", [b"", b"{}", b"\xc3\x01" + bytes(8), b"\x00\x00\x00\x00\x01"])
def test_other_bytes_are_refused(value: bytes) -> None:
    """Bytes on the sightings topic that are not a sighting raise WireError."""
    with pytest.raises(WireError):
        decode(value)
