"""The roads by which CloudTrail reaches Kafka: records in, the bytes of messages out (R1).

Each function takes records in order of time, and returns one or more messages, each with the time of its last record.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.demo.records import Record

Packed = list[tuple[str, bytes]]


def log_file(records: Sequence[Record]) -> Packed:
    """A trail's log file from S3, in gzip."""
    return [(_last(records), gzip.compress(_json({"Records": list(records)}), mtime=0))]


def event_bridge(records: Sequence[Record]) -> Packed:
    """An EventBridge event per record."""
    return [(_last([record]), _json(_event(record))) for record in records]


def subscription(records: Sequence[Record]) -> Packed:
    """A CloudWatch Logs subscription, as Firehose delivers it."""
    return [(_last(records), _json(_subscription(records)))]


def packed_subscription(records: Sequence[Record]) -> Packed:
    """A CloudWatch Logs subscription, as Lambda receives it."""
    data = base64.b64encode(gzip.compress(_json(_subscription(records)), mtime=0)).decode()
    return [(_last(records), _json({"awslogs": {"data": data}}))]


def notification(records: Sequence[Record]) -> Packed:
    """An SNS notification about an EventBridge event, per record."""
    return [
        (
            _last([record]),
            _json(
                {
                    "Type": "Notification",
                    "MessageId": record["requestID"],
                    "TopicArn": f"arn:aws:sns:{record['awsRegion']}:{record['recipientAccountId']}:cloudtrail",
                    "Message": _json(_event(record)).decode(),
                    "Timestamp": record["eventTime"],
                }
            ),
        )
        for record in records
    ]


def filebeat(records: Sequence[Record]) -> Packed:
    """Filebeat's document before ingest, per record."""
    return [
        (
            _last([record]),
            _json(
                {
                    "@timestamp": record["eventTime"],
                    "event": {"dataset": "aws.cloudtrail", "module": "aws"},
                    "message": _json(record).decode(),
                }
            ),
        )
        for record in records
    ]


def plain(records: Sequence[Record]) -> Packed:
    """The records unchanged."""
    return [(_last([record]), _json(record)) for record in records]


ROADS: dict[str, Callable[[Sequence[Record]], Packed]] = {
    road.__name__: road
    for road in (log_file, event_bridge, subscription, packed_subscription, notification, filebeat, plain)
}


def _event(record: Record) -> dict[str, Any]:
    return {
        "version": "0",
        "id": record["eventID"],
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


def _subscription(records: Sequence[Record]) -> dict[str, Any]:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": records[0]["recipientAccountId"],
        "logGroup": "cloudtrail",
        "logStream": f"{records[0]['recipientAccountId']}_CloudTrail_{records[0]['awsRegion']}",
        "subscriptionFilters": ["to-kafka"],
        "logEvents": [{"id": record["eventID"], "message": _json(record).decode()} for record in records],
    }


def _last(records: Sequence[Record]) -> str:
    return str(records[-1]["eventTime"])


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
