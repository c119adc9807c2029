from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from cloudtrail_messages import (
    MISSING,
    OTHER,
    PACKINGS,
    PRINCIPAL,
    RECORD,
    SHAPES,
    awslogs,
    changed,
    ecs,
    eventbridge,
    filebeat,
    sns,
    subscription,
)
from compressed import COMPRESSIONS
from sighted import OF_RECORD, read, what

REFUSED = changed({"errorCode": "AccessDenied", "errorMessage": "no", "responseElements": None})


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_sighting(shape: str) -> None:
    """R1, R2: in any shape, the sighting of a record has the same terms, time, id, policy and issued key."""
    result = read(SHAPES[shape](RECORD, json.dumps).encode())
    assert what(result) == OF_RECORD
    assert result.rejected == ()


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_makes_a_refused_call_a_success(shape: str) -> None:
    """T2: a refused call is not a sighting, in any shape."""
    result = read(SHAPES[shape](REFUSED, json.dumps).encode())
    assert (result.sightings, result.rejected) == ((), ())


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", ["record", "records-file", "lines", "awslogs"])
def test_a_message_may_be_compressed_and_start_with_a_byte_order_mark(shape: str, packing: str) -> None:
    """R1: gzip, also of several members, UTF-16, UTF-32, byte order marks and blanks change nothing."""
    result = read(PACKINGS[packing](SHAPES[shape](RECORD, json.dumps)))
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL]
    assert result.rejected == ()


@pytest.mark.parametrize("name", COMPRESSIONS)
@pytest.mark.parametrize("shape", ["record", "records-file", "lines", "awslogs"])
def test_a_value_may_be_compressed_in_every_usual_way(shape: str, name: str) -> None:
    """R8: a value that the producer compressed is read like a plain one."""
    result = read(COMPRESSIONS[name](SHAPES[shape](RECORD, json.dumps).encode()))
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL]
    assert result.rejected == ()


@pytest.mark.parametrize("shape", ["record", "array", "records-file", "lines"])
def test_json_may_come_behind_the_id_of_its_schema(shape: str) -> None:
    """R8: Confluent's serializer writes a zero and four bytes before the JSON."""
    text = SHAPES[shape](RECORD, json.dumps).encode()
    for value in (b"\0\0\0\0\7" + text, b"\0{}[]\xef\xbb\xbf" + text, gzip.compress(b"\0\0\1\2\3 " + text)):
        assert [sighting.principal for sighting in read(value).sightings] == [PRINCIPAL]


def test_records_are_counted_by_the_outermost_shape() -> None:
    """R1: metrics count records by shape."""
    text = "\n".join(SHAPES[shape](RECORD, json.dumps) for shape in ("record", "sns-of-record", "hit-of-filebeat"))
    assert read(text.encode()).records == {"record": 1, "sns": 1, "elasticsearch": 1}
    assert read({"Records": [RECORD, OTHER, RECORD]}).records == {"records-file": 3}


HOLDS_NOTHING: dict[str, Any] = {
    "a tombstone": None,
    "an empty value": b"",
    "blanks": b" \n\t\r\n",
    "a lone byte order mark": b"\xef\xbb\xbf",
    "an empty array": [],
    "a file without records": {"Records": []},
    "a control message": {
        "messageType": "CONTROL_MESSAGE",
        "logEvents": [{"id": "", "timestamp": 0, "message": "CWL CONTROL MESSAGE: Checking health of destination."}],
    },
    "a digest": {
        "awsAccountId": "111111111111",
        "digestStartTime": "2026-01-01T11:00:00Z",
        "digestEndTime": "2026-01-01T12:00:00Z",
        "digestS3Bucket": "trail",
        "logFiles": [],
    },
    "an Insight event": changed({"eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"}),
    "an Insight event over EventBridge": {
        **eventbridge(changed({"eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"})),
        "detail-type": "AWS Insight via CloudTrail",
    },
    "an Insight event in a file": {"Records": [changed({"eventCategory": "Insight"})]},
    "an Insight event after ingest": ecs(changed({"eventType": "AwsCloudTrailInsight"})),
    "an S3 notification": {
        "Records": [
            {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {}}}
        ]
    },
    "a test event of S3": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "t", "Bucket": "trail"},
    "an S3 notification over EventBridge": {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": "trail"}},
    },
    "CloudTrail's announcement of a file": {"s3Bucket": "trail", "s3ObjectKey": ["AWSLogs/1.json.gz"]},
    "CloudTrail's announcement over SNS": sns('{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/1.json.gz"]}'),
    "an S3 notification over SNS": sns('{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}]}'),
    "CloudTrail's validation message": sns("CloudTrail validation message."),
    "an empty SNS message": sns(" "),
    "an SNS confirmation": {"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:x:1:t", "Message": "You …"},
    "a document of another dataset": {"event": {"dataset": "aws.vpcflow", "action": "AssumeRoot"}, "message": "{"},
    "a document without dataset": {"event": {"action": "AssumeRoot", "provider": "sts.amazonaws.com"}},
}


@pytest.mark.parametrize("name", HOLDS_NOTHING)
def test_what_holds_no_record_is_neither_sighting_nor_dead_letter(name: str) -> None:
    """R5, R6: a message that is known to hold no record is passed over, also a document of another dataset."""
    result = read(HOLDS_NOTHING[name])
    assert (result.sightings, result.rejected) == ((), ())


UNKNOWN: dict[str, Any] = {
    "an object": {"hello": "world"},
    "an empty object": {},
    "text": "AssumeRoot",
    "a number": 7,
    "null": b"null",
    "a record under another key": {"incident": RECORD},
    "Splunk's event with other keys": {"event": RECORD, "severity": "high"},
    "a search response": {"hits": {"hits": [{"_source": ecs(RECORD)}]}},
    "Records that are no list": {"Records": RECORD},
    "log events that are no list": {"messageType": "DATA_MESSAGE", "logEvents": RECORD},
    "an event via CloudTrail without a record": {"detail-type": "AWS API Call via CloudTrail", "detail": {}},
    "awslogs without data": {"awslogs": {}},
    "a notification without text": {"Type": "Notification", "Message": RECORD},
    "a document about CloudTrail without any of it": {"event": {"dataset": "aws.cloudtrail"}},
    "a document with a message about nothing": {"message": '{"hello": "world"}'},
    "a document that its pipeline left half way": changed(
        {"event.original": MISSING, "event.outcome": MISSING}, ecs(RECORD)
    ),
    "a document whose pipeline failed": changed(
        {"event.original": MISSING, "event.kind": "pipeline_error"}, ecs(RECORD)
    ),
    "an empty hit": {"_index": "i", "_source": {}},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_json_of_no_known_shape_is_rejected_whole(name: str) -> None:
    """R2, R6: valid JSON of no known shape is a dead letter with the message's own bytes, for any content."""
    value = UNKNOWN[name] if isinstance(UNKNOWN[name], bytes) else json.dumps(UNKNOWN[name]).encode()
    result = read(value)
    assert result.sightings == ()
    assert [(rejected.reason, rejected.element) for rejected in result.rejected] == [("unknown-shape", None)]


CALLER_CONTROLLED: dict[str, Any] = {
    "request parameters": changed({"eventName": "PutObject", "requestParameters": RECORD}),
    "text in request parameters": changed(
        {"eventName": "PutObject", "requestParameters": {"body": json.dumps(RECORD)}}
    ),
    "the user agent": changed({"eventName": "PutObject", "userAgent": json.dumps({"Records": [RECORD]})}),
    "a policy": changed({"eventName": "PutRolePolicy", "requestParameters": {"policyDocument": json.dumps(RECORD)}}),
    "shapes in request parameters": changed(
        {"eventName": "PutEvents", "requestParameters": {"Records": [RECORD], "detail-type": "x", "detail": RECORD}}
    ),
    "a custom event's detail": {"detail-type": "order", "source": "shop", "detail": {"Records": [RECORD]}},
}


@pytest.mark.parametrize("name", CALLER_CONTROLLED)
def test_a_record_inside_what_a_caller_controls_is_not_found(name: str) -> None:
    """R2: a record in a request never gives a sighting."""
    result = read(CALLER_CONTROLLED[name])
    assert (result.sightings, result.rejected) == ((), ())


BAD_AMONG_GOOD: dict[str, tuple[bytes, list[tuple[str, int | None, bytes]]]] = {
    "a number in an array": (json.dumps([RECORD, 5, RECORD]).encode(), [("unknown-shape", 1, b"5")]),
    "an object in a file": (
        json.dumps({"Records": [RECORD, {"a": 1}, RECORD]}).encode(),
        [("unknown-shape", 1, b'{"a":1}')],
    ),
    "a cut line": (
        json.dumps(RECORD).encode() + b'\n{"eventName": "Assu\n' + json.dumps(RECORD).encode(),
        [("malformed", 1, b'{"eventName": "Assu')],
    ),
    "a first line that is cut": (
        b"garbage\n" + json.dumps(RECORD).encode() + b"\n" + json.dumps(RECORD).encode(),
        [("malformed", 0, b"garbage")],
    ),
    "a first line that is cut where an object begins": (
        b'{"eventVersion":"1.08","userIdentity":{\n'
        + json.dumps(RECORD).encode()
        + b"\n"
        + json.dumps(RECORD).encode(),
        [("malformed", 0, b'{"eventVersion":"1.08","userIdentity":{')],
    ),
    "a first line that is cut where a value begins": (
        b'{"eventName":\r\n' + json.dumps(RECORD).encode() + b"\r\n\r\n" + json.dumps(RECORD).encode() + b"\r\n",
        [("malformed", 0, b'{"eventName":\r')],
    ),
    "a line of no UTF-8": (
        json.dumps(RECORD).encode() + b'\n{"eventName":"\xff"}\n' + json.dumps(RECORD).encode(),
        [("malformed", 1, b'{"eventName":"\xff"}')],
    ),
    "elements count across lines": (
        json.dumps({"Records": [RECORD, OTHER]}).encode() + b"\n{}\n[1]\n" + json.dumps(RECORD).encode(),
        [("unknown-shape", 2, b"{}"), ("unknown-shape", 3, b"1")],
    ),
    "a log event that is no JSON": (
        json.dumps(
            {
                "messageType": "DATA_MESSAGE",
                "logEvents": [{"message": m} for m in (json.dumps(RECORD), "hi", json.dumps(RECORD))],
            }
        ).encode(),
        [("malformed", 1, b"hi")],
    ),
    "a log event without a message": (
        json.dumps(
            {
                **subscription(RECORD, json.dumps),
                "logEvents": [{"message": json.dumps(RECORD)}, {"id": 1}, {"message": json.dumps(RECORD)}],
            }
        ).encode(),
        [("unknown-shape", 1, b'{"id":1}')],
    ),
    "damaged awslogs data on a line": (
        json.dumps(RECORD).encode() + b'\n{"awslogs":{"data":"H4sI"}}\n' + json.dumps(RECORD).encode(),
        [("malformed", 1, b'{"awslogs":{"data":"H4sI"}}')],
    ),
}


@pytest.mark.parametrize("name", BAD_AMONG_GOOD)
def test_a_bad_element_among_good_ones_costs_only_itself(name: str) -> None:
    """R4: the good elements count, the bad one is rejected alone, with its position and its own bytes."""
    value, bad = BAD_AMONG_GOOD[name]
    result = read(value)
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL, PRINCIPAL]
    assert [(rejected.reason, rejected.element, rejected.content) for rejected in result.rejected] == bad


def test_a_document_of_several_lines_that_is_cut_is_one_malformed_message() -> None:
    """R2, R4: the lines of a cut document are not documents, even if one of them looks like one."""
    value = f'{{"eventName": "PutObject", "requestParameters": [\n{json.dumps(RECORD)}\n'.encode()
    result = read(value)
    assert result.sightings == ()
    assert [(rejected.reason, rejected.element, rejected.content) for rejected in result.rejected] == [
        ("malformed", None, value.replace(b"FwoGZXIvYXdzEJr//////////wEaDKnotarealtoken+abc/def==", b"REDACTED"))
    ]


def test_a_message_of_one_element_is_rejected_whole() -> None:
    """R4, T5: an incomplete record that is the whole message has no position; its dead letter is the message."""
    without_arn = changed({"userIdentity.arn": "", "responseElements": None})
    for message in (
        without_arn,
        eventbridge(without_arn),
        sns(json.dumps(without_arn)),
        filebeat(json.dumps(without_arn)),
    ):
        value = json.dumps(message).encode()
        assert [(r.reason, r.element, r.content, r.redacted) for r in read(value).rejected] == [
            ("incomplete", None, value, False)
        ]


def test_wrappers_may_be_stacked_a_few_times_and_not_without_end() -> None:
    """R1, R3: an SNS notification in an SNS notification is read; twenty are not."""
    text = json.dumps(RECORD)
    for _ in range(3):
        text = json.dumps(sns(text))
    assert len(read(text.encode()).sightings) == 1
    document = RECORD
    for _ in range(20):
        document = {"_source": document}
    assert [rejected.reason for rejected in read(document).rejected] == ["unknown-shape"]


def test_awslogs_data_must_be_a_subscription_message() -> None:
    """R1: awslogs data holds a subscription; a bare record in it has no known shape."""
    packed = awslogs(RECORD, lambda value: json.dumps(RECORD) if "logEvents" in value else json.dumps(value))
    assert [rejected.reason for rejected in read(packed).rejected] == ["unknown-shape"]
