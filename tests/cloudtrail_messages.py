"""An AssumeRoot record, and a message of every shape with it, for tests of several layers."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from typing import TYPE_CHECKING, Any

from ocsf_events import FIRST, ocsf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Dumps = Callable[[Any], str]

MISSING = object()

PRINCIPAL = "arn:aws:sts::111111111111:assumed-role/Operator/casey"
ISSUER = "arn:aws:iam::111111111111:role/Operator"
ACCOUNT = "222222222222"
TASK_POLICY = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
TOKEN = "FwoGZXIvYXdzEJr//////////wEaDKnotarealtoken+abc/def=="  # noqa: S105  made up
EVENT_TIME = "2026-01-01T12:00:00Z"
EVENT_MS = 1_767_268_800_000

RECORD: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:casey",
        "arn": PRINCIPAL,
        "accountId": "111111111111",
        "accessKeyId": "ASIACALLER",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE",
                "arn": ISSUER,
                "accountId": "111111111111",
                "userName": "Operator",
            },
            "attributes": {"creationDate": "2026-01-01T11:58:00Z", "mfaAuthenticated": "true"},
            "sourceIdentity": "casey@example.com",
        },
    },
    "eventTime": EVENT_TIME,
    "eventSource": "sts.amazonaws.com",
    "eventName": "AssumeRoot",
    "awsRegion": "eu-central-1",
    "sourceIPAddress": "192.0.2.10",
    "userAgent": "aws-cli/2.15",
    "requestParameters": {
        "targetPrincipal": ACCOUNT,
        "taskPolicyArn": {"arn": TASK_POLICY},
        "durationSeconds": 900,
    },
    "responseElements": {
        "credentials": {
            "accessKeyId": "ASIAISSUED",
            "sessionToken": TOKEN,
            "expiration": "Jan 1, 2026, 12:15:00 PM",
        }
    },
    "requestID": "request-1",
    "eventID": "11111111-2222-3333-4444-555555555555",
    "readOnly": False,
    "resources": [{"accountId": "333333333333", "type": "AWS::IAM::Root", "ARN": "arn:aws:iam::333333333333:root"}],
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "111111111111",
    "eventCategory": "Management",
}


def changed(changes: Mapping[str, Any], record: Mapping[str, Any] = RECORD) -> dict[str, Any]:
    """A copy of the record with the values at dotted paths replaced; ``MISSING`` removes one."""
    copied = copy.deepcopy(dict(record))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = copied
        for parent in parents:
            place = place[parent]
        if value is MISSING:
            del place[last]
        else:
            place[last] = value
    return copied


OTHER = changed({"eventName": "AssumeRole", "eventID": "other"})


def java_map(value: Any) -> str:
    """A map as Java writes it as text."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}={java_map(member)}" for key, member in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(java_map, value)) + "]"
        case bool() | None:
            return json.dumps(value)
    return str(value)


def ecs(record: Mapping[str, Any], dumps: Dumps = json.dumps) -> dict[str, Any]:
    """The document that Elastic's ingest pipeline makes of a record, with the fields that matter here."""
    who = record.get("userIdentity") or {}
    session = who.get("sessionContext", {})
    issuer = session.get("sessionIssuer", {})
    failed = record.get("errorCode") or record.get("errorMessage")
    document = {
        "@timestamp": record.get("eventTime"),
        "event": {
            "dataset": "aws.cloudtrail",
            "provider": record["eventSource"],
            "action": record["eventName"],
            "id": record.get("eventID"),
            "outcome": "failure" if failed else "success",
            "original": dumps(dict(record)),
        },
        "cloud": {"region": record.get("awsRegion"), "account": {"id": who.get("accountId")}},
        "source": {"address": record.get("sourceIPAddress"), "ip": record.get("sourceIPAddress")},
        "user_agent": {"original": record.get("userAgent")},
        "user": {"id": who.get("principalId"), "name": issuer.get("userName")},
        "aws": {
            "cloudtrail": {
                "event_version": record.get("eventVersion"),
                "event_type": record.get("eventType"),
                "event_category": record.get("eventCategory"),
                "request_id": record.get("requestID"),
                "recipient_account_id": record.get("recipientAccountId"),
                "error_code": record.get("errorCode"),
                "error_message": record.get("errorMessage"),
                "read_only": record.get("readOnly"),
                "shared_event_id": record.get("sharedEventID"),
                "user_identity": {
                    "type": who.get("type"),
                    "arn": who.get("arn"),
                    "access_key_id": who.get("accessKeyId"),
                    "invoked_by": who.get("invokedBy"),
                    "session_context": {
                        "creation_date": session.get("attributes", {}).get("creationDate"),
                        "mfa_authenticated": session.get("attributes", {}).get("mfaAuthenticated"),
                        "session_issuer": {"arn": issuer.get("arn"), "type": issuer.get("type")},
                    },
                },
                "request_parameters": java_map(record.get("requestParameters")),
                "response_elements": java_map(record.get("responseElements")),
                "flattened": {
                    "request_parameters": record.get("requestParameters"),
                    "response_elements": record.get("responseElements"),
                },
                "resources": [
                    {"arn": entry.get("ARN"), "type": entry.get("type"), "account_id": entry.get("accountId")}
                    for entry in record.get("resources", [])
                ],
            }
        },
    }
    return _without_nulls(document)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return value


def dotted(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The document with dotted keys in place of nested objects."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        name = f"{prefix}{key}"
        flat.update(dotted(value, f"{name}.") if isinstance(value, dict) else {name: value})
    return flat


def as_arrays(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the ``fields`` of a search hit: dotted keys, every leaf an array."""
    fields: dict[str, Any] = {}
    for name, value in dotted(document).items():
        if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            for key in value[0]:
                fields[f"{name}.{key}"] = [entry[key] for entry in value]
        else:
            fields[name] = value if isinstance(value, list) else [value]
    return fields


def eventbridge(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "b",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.sts",
        "account": "111111111111",
        "detail": record,
    }


def subscription(record: Mapping[str, Any], dumps: Dumps) -> dict[str, Any]:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "111111111111",
        "logGroup": "trail",
        "logEvents": [
            {"id": "1", "timestamp": EVENT_MS, "message": dumps(OTHER)},
            {"id": "2", "timestamp": EVENT_MS, "message": dumps(record)},
        ],
    }


def awslogs(record: Mapping[str, Any], dumps: Dumps) -> dict[str, Any]:
    packed = gzip.compress(dumps(subscription(record, dumps)).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def sns(message: str) -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:x:1:t", "Message": message}


def filebeat(message: str, field: str = "message") -> dict[str, Any]:
    text: dict[str, Any] = {"message": message} if field == "message" else {"event": {"original": message}}
    return {
        "@timestamp": "2026-01-01T12:05:00.000Z",
        "@metadata": {"beat": "filebeat"},
        "aws": {"s3": {"bucket": {"name": "trail"}}},
        **text,
        "event": {"dataset": "aws.cloudtrail", "module": "aws", **text.get("event", {})},
    }


def _hit(document: Any) -> dict[str, Any]:
    return {"_index": "logs-aws.cloudtrail-default", "_id": "1", "_source": document}


# Every shape of R1, each with the record once.
SHAPES: dict[str, Callable[[dict[str, Any], Dumps], str]] = {
    "record": lambda record, dumps: dumps(record),
    "array": lambda record, dumps: dumps([OTHER, record]),
    "records-file": lambda record, dumps: dumps({"Records": [OTHER, record]}),
    "eventbridge": lambda record, dumps: dumps(eventbridge(record)),
    "cloudwatch-logs": lambda record, dumps: dumps(subscription(record, dumps)),
    "awslogs": lambda record, dumps: dumps(awslogs(record, dumps)),
    "sns-of-record": lambda record, dumps: dumps(sns(dumps(record))),
    "sns-of-records-file": lambda record, dumps: dumps(sns(dumps({"Records": [record]}))),
    "sns-of-eventbridge": lambda record, dumps: dumps(sns(dumps(eventbridge(record)))),
    "sns-of-awslogs": lambda record, dumps: dumps(sns(dumps(awslogs(record, dumps)))),
    "lines": lambda record, dumps: f"{dumps(OTHER)}\n{dumps(record)}\n",
    "lines-of-shapes": lambda record, dumps: f"\r\n{dumps(eventbridge(OTHER))}\r\n\r\n{dumps({'Records': [record]})}",
    "filebeat-message": lambda record, dumps: dumps(filebeat(dumps(record))),
    "filebeat-original": lambda record, dumps: dumps(filebeat(dumps(record), "event.original")),
    "filebeat-dotted": lambda record, dumps: dumps(dotted(filebeat(dumps(record), "event.original"))),
    "elastic": lambda record, dumps: dumps(ecs(record, dumps)),
    "elastic-dotted": lambda record, dumps: dumps(dotted(ecs(record, dumps))),
    "elastic-arrays": lambda record, dumps: dumps(as_arrays(ecs(record, dumps))),
    "hit-of-elastic": lambda record, dumps: dumps(_hit(ecs(record, dumps))),
    "hit-of-filebeat": lambda record, dumps: dumps(_hit(filebeat(dumps(record)))),
    "ocsf": lambda record, dumps: dumps(ocsf(record)),
    "ocsf-of-version-1": lambda record, dumps: dumps(ocsf(record, FIRST)),
    "ocsf-with-raw-data": lambda record, dumps: dumps(ocsf(record) | {"raw_data": dumps(record)}),
    "hit-with-fields": lambda record, dumps: dumps({"_index": "i", "fields": as_arrays(ecs(record, dumps))}),
}


def _members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(data[half:], mtime=0)


# Every packing of a message.
PACKINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "utf-8-mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
    "utf-32-be": lambda text: b"\x00\x00\xfe\xff" + text.encode("utf-32-be"),
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "gzip-members": lambda text: _members(text.encode()),
    "gzip-padded": lambda text: gzip.compress(text.encode(), mtime=0) + bytes(512),
    "gzip-of-utf-16": lambda text: gzip.compress(text.encode("utf-16"), mtime=0),
    "blanks": lambda text: b" \r\n\t" + text.encode() + b"\n\n ",
}
