"""What ``doctor`` says about sampled messages: their shapes, and what the unreadable ones look like."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import zlib
from typing import Any

import pytest
from ocsf_events import FIRST, SECOND, ocsf
from replay_records import ALICE, record
from sightings import RULES

from streams import pipeline
from streams.content.payload_kind import describe
from streams.topics.source_sample import Sample

RECORD = record("2026-01-01T00:00:00Z")
TEXT = json.dumps(RECORD).encode()


def sampled(*values: bytes | None) -> Sample:
    """A sample of one partition that holds these messages."""
    found = Sample("cloudtrail")
    for offset, value in enumerate(values):
        found.add(f"cloudtrail:2:{offset}", value, pipeline.sight(value, RULES, pipeline.ExtractSettings()))
    return found


def test_the_share_and_the_shapes_are_said() -> None:
    """Messages with records are counted by shape; messages known to hold none are counted apart."""
    eventbridge = {"detail-type": "AWS API Call via CloudTrail", "source": "aws.sts", "detail": RECORD}
    found = sampled(TEXT, gzip.compress(TEXT), json.dumps(eventbridge).encode(), None)
    assert found.cloudtrail == 3
    assert str(found).startswith("cloudtrail: 3 of 4 sampled messages are CloudTrail (2 record, 1 eventbridge)")
    assert "1 hold no record (" in str(found)
    assert "cannot be read" not in str(found)


def test_what_another_schema_lost_is_said() -> None:
    """R10: doctor says how many records were restored from OCSF, and what that loses."""
    events = [json.dumps(ocsf(RECORD, version)).encode() for version in (FIRST, SECOND, SECOND)]
    words = str(sampled(TEXT, *events))
    assert words.startswith("cloudtrail: 4 of 4 sampled messages are CloudTrail (3 ocsf, 1 record)")
    assert "; 2 records were restored from OCSF 1.1.0: nulls, " in words
    assert "; 1 record was restored from OCSF 1.0.0-rc.2, which has no api.request.data: " in words


def test_what_cannot_be_read_is_named_with_its_place_and_without_its_values() -> None:
    """Each kind of unreadable message has the position of its first example; none of its values is shown."""
    wrapped = json.dumps({"tenant": "acme-secret", "payload_v7": {"principal": ALICE}}).encode()
    found = sampled(TEXT, wrapped, b"<xml>" + ALICE.encode(), wrapped)
    assert (found.messages, found.cloudtrail, found.unread.total()) == (4, 1, 3)
    words = str(found)
    assert (
        "3 cannot be read: 2 x unknown-shape (JSON with the keys tenant, payload_v7), first at cloudtrail:2:1" in words
    )
    assert "1 x malformed (text that is not JSON), first at cloudtrail:2:2" in words
    assert "alice" not in words
    assert "acme" not in words


def test_an_incomplete_success_is_cloudtrail() -> None:
    """A record without an account is still CloudTrail; a bad record among good ones is mentioned."""
    assert sampled(json.dumps(RECORD | {"requestParameters": {}}).encode()).partly == 0
    found = sampled(json.dumps({"Records": [RECORD, 7]}).encode())
    assert (found.cloudtrail, found.partly) == (1, 1)
    assert "1 of those with records also hold what cannot be read" in str(found)


def test_many_kinds_are_not_all_listed() -> None:
    """The sentence stays readable, whatever the number of kinds."""
    found = sampled(*(json.dumps({f"key{number}": 1}).encode() for number in range(9)))
    assert str(found).endswith("and 4 kinds more")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"Obj\x01rest", "Avro object container"),
        (b"PAR1rest", "Parquet"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (zlib.compress(b"x"), "zlib"),
        (bz2.compress(b"x"), "bzip2"),
        (lzma.compress(b"x"), "xz"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        (b"\x00\x00\x00\x00\x07rest", "Confluent's wire format (a schema registry's Avro, Protobuf or JSON)"),
        (base64.b64encode(TEXT), "base64 text"),
        (base64.encodebytes(gzip.compress(TEXT, mtime=0)), "base64 text"),
        (b'{"a b": 1, "@timestamp": 2, "' + b"x" * 41 + b'": 3}', "JSON with the keys @timestamp"),
        (b'{"a b": 1}', "a JSON object"),
        (b'"text"', "a JSON string"),
        (b"[1, 2]", "a JSON array"),
        (b'{"cut": ', "JSON that is cut, damaged or followed by something"),
        (b"\x08\x96\x01\xff", "binary data"),
        ("no JSON, but text: é".encode(), "text that is not JSON"),
    ],
)
def test_kinds_of_payload(value: bytes, said: str) -> None:
    """What a forwarder or an application may have turned a message into has a name."""
    assert describe(value) == said


def test_nothing_read(monkeypatch: Any) -> None:
    """An empty topic is called empty; a topic that gave nothing in time is not."""
    monkeypatch.setattr("streams.topics.source_sample.SAMPLE_SECONDS", 3.0)
    assert str(Sample("t")) == "t: is empty"
    assert str(Sample("t", is_complete=False)) == "t: nothing read within 3 s"
    found = sampled(TEXT)
    found.is_complete = False
    assert str(found).endswith("sampling stopped after 3 s or 64 MiB")
