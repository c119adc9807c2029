from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import PACKINGS, SHAPES, changed, ecs
from root_sessions import identity, record

from streams.extraction.extract import MAX_MESSAGE_SIZE
from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.sessions.action import Action
from streams.sessions.candidate import candidate

# A successful and a refused call, with all that activity shows.
CALLS = {
    "success": record(sharedEventID="shared-1"),
    "refused": record(
        eventName="PutBucketPolicy",
        errorCode="AccessDenied",
        errorMessage="no identity-based policy allows it",
        requestParameters={"bucketName": "b-1", "bucketPolicy": {"Version": "2012-10-17"}, "Host": "s3.amazonaws.com"},
    ),
}


def found(message: bytes) -> list[Action]:
    """The candidates of a message."""
    records = [item for item in read(message, MAX_MESSAGE_SIZE) if isinstance(item, Record)]
    return [action for one in records if isinstance(action := candidate(one), Action)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_action_is_the_same_in_every_shape(shape: str, call: str) -> None:
    """S2, R1: an action arrives with all its fields in whatever shape its message has."""
    [expected] = found(json.dumps(CALLS[call]).encode())
    assert found(SHAPES[shape](CALLS[call], json.dumps).encode()) == [expected]


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_action_is_the_same_however_its_bytes_are_packed(packing: str) -> None:
    """S2, R1: compression and encoding make no difference."""
    text = json.dumps({"Records": [CALLS["success"]]})
    assert found(PACKINGS[packing](text)) == found(text.encode())


def ingested(**changes: Any) -> list[Action]:
    """The candidates of a document after ingest with other values at dotted paths of ``aws.cloudtrail``."""
    paths = {f"aws.cloudtrail.{path.replace('__', '.')}": value for path, value in changes.items()}
    document = ecs(record(userIdentity=identity(invokedBy="x")))
    document["aws"]["cloudtrail"]["user_identity"].pop("invoked_by")
    document["aws"]["cloudtrail"]["user_identity"]["invoked_by"] = None
    return found(json.dumps(changed(paths, document)).encode())


def test_a_document_is_judged_by_its_own_fields() -> None:
    """S2: type, key, age and service of an ingested document are those of its fields, not of its copy of the record."""
    assert ingested()
    assert not ingested(user_identity__type="IAMUser")
    assert not ingested(user_identity__access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert not ingested(user_identity__invoked_by="signin.amazonaws.com")
    assert not ingested(user_identity__session_context__creation_date="2024-10-25T20:30:00.000Z")


def test_a_document_with_text_alone_keeps_its_parameters() -> None:
    """S7: request parameters that Elastic keeps as the text of a Java map are read; what cannot be read is text."""
    [action] = ingested(flattened={})
    assert action.event.request_parameters == '{"bucketName":"amzn-s3-demo-bucket1"}'
    [action] = ingested(flattened={}, request_parameters="no map")
    assert action.event.request_parameters == '"no map"'
    [action] = ingested(flattened={}, request_parameters='{"bucketName": "b-1"}')
    assert action.event.request_parameters == '{"bucketName":"b-1"}'


def test_a_table_row_keeps_the_attributes_of_a_queue() -> None:
    """R9, S11: in CloudTrail Lake the attributes of a queue are a text inside the parameters."""
    parameters = '{queueUrl=https://sqs.eu-central-1.amazonaws.com/1/q, attributes={"Policy":"{}"}}'
    fields = record(eventSource="sqs.amazonaws.com", eventName="SetQueueAttributes", requestParameters=parameters)
    [action] = found(json.dumps(fields).encode())
    assert json.loads(action.event.request_parameters or "")["attributes"] == {"Policy": "{}"}


def test_no_assumed_root_is_needed_and_any_is_allowed() -> None:
    """S2: ``assumedRoot`` is in some records and not in others; it decides nothing."""
    session = identity()["sessionContext"] | {"assumedRoot": "true"}
    assert found(json.dumps(record(userIdentity=identity(sessionContext=session))).encode()) == found(
        json.dumps(record()).encode()
    )
