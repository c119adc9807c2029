from __future__ import annotations

import io
import json
from typing import Any

import avro.io
import avro.schema
import msgspec
import pytest
from root_sessions import GRANTED_AT, MINUTE, Followed, action, granted, record, taken

from streams.extraction.sighting import Resource
from streams.sessions.action import Action
from streams.wire.schemas import schema_text, without_logical_types, written
from streams.wire.sessions.published import ACTIVITY, SUMMARY, Published, to_json_line
from streams.wire.single_object import WireError, fingerprint


def session() -> Followed:
    """The session of AWS's pair with one more call, closed."""
    followed = Followed()
    found = taken(record())
    assert isinstance(found, Action)
    followed.take_all([granted(), found, action("ListBuckets", resources=(Resource("arn:b"),), cut=("user_agent",))])
    followed.close()
    return followed


SESSION = session()
VALUES = [(ACTIVITY, one) for one in SESSION.activities] + [(SUMMARY, one) for one in SESSION.summaries]


def plain(value: Any) -> Any:
    """A value as JSON would have it, with timestamps as integers."""
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(("codec", "value"), VALUES)
def test_what_is_written_is_read(codec: Published, value: Any) -> None:
    """S7, S8: activity and summaries survive their topics whole, in both wire formats."""
    encoded = codec.encode(value)
    assert codec.read(encoded) == plain(value)
    confluent = b"\x00\x00\x00\x00\x07" + encoded[10:]
    assert codec.read(confluent, lambda _: schema_text(codec.subject)) == plain(value)
    assert codec.as_written(value) == plain(value)


@pytest.mark.parametrize(("codec", "value"), VALUES)
def test_another_reader_agrees(codec: Published, value: Any) -> None:
    """The shipped schema is all that another Avro library needs (P4)."""
    encoded = codec.encode(value)
    assert encoded[:10] == b"\xc3\x01" + fingerprint(written(codec.subject))
    schema = avro.schema.parse(json.dumps(without_logical_types(written(codec.subject))))
    assert avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(encoded[10:]))) == plain(value)


@pytest.mark.parametrize(("codec", "value"), VALUES)
def test_other_bytes_are_refused(codec: Published, value: Any) -> None:
    """Bytes that are no activity or no summary are one named error."""
    other = ACTIVITY if codec is SUMMARY else SUMMARY
    for data in (b"", b"{}", codec.encode(value)[:-1]):
        with pytest.raises(WireError):
            codec.read(data)
    with pytest.raises(WireError):
        other.read(codec.encode(value))
    with pytest.raises(WireError, match="was written with a schema registry"):
        codec.read(b"\x00\x00\x00\x00\x07rest")


def test_activity_as_json() -> None:
    """S14: every field is there, times are ISO 8601 with milliseconds and Z, parameters are the value itself."""
    line = to_json_line(SESSION.activities[0])
    assert line.isascii()
    document = json.loads(line)["activity"]
    assert list(document) == [field["name"] for field in json.loads(schema_text("activity"))["fields"]]
    assert document["event"]["time"] == "2024-10-25T20:53:11.000Z"
    assert document["grant"]["time"] == "2024-10-25T20:52:11.000Z"
    assert document["grant"]["expires_at"] == "2024-10-25T21:07:11.000Z"
    assert document["event"]["request_parameters"] == {"bucketName": "amzn-s3-demo-bucket1"}
    assert (document["detected_at"], document["cut"]) == (None, [])
    assert json.loads(to_json_line(SESSION.activities[1]))["activity"]["event"]["request_parameters"] is None


def test_a_summary_as_json() -> None:
    """S14: every field is there, and counts are objects."""
    document = json.loads(to_json_line(SESSION.summaries[0]))["summary"]
    assert list(document) == [field["name"] for field in json.loads(schema_text("session_summary"))["fields"]]
    assert document["actions"] == [
        {"source": "s3.amazonaws.com", "name": "DeleteBucketPolicy", "outcome": "success", "count": 1},
        {"source": "s3.amazonaws.com", "name": "ListBuckets", "outcome": "success", "count": 1},
    ]
    assert document["resources"][0] == {
        "arn": "arn:aws:s3:::amzn-s3-demo-bucket1",
        "type": "AWS::S3::Bucket",
        "account_id": "222222222222",
    }
    assert (document["first_action_at"], document["cut"]) == ("2024-10-25T20:53:11.000Z", ["user_agent"])
    assert SESSION.summaries[0].first_action_at == GRANTED_AT + MINUTE
