"""The roads of ``docs/cloudtrail-to-kafka.md``: the Kafka messages that each configuration on that page produces.

Each road carries the same two records, an AssumeRoot and another event, as the road's last
program writes them to Kafka.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from cloudtrail_messages import OTHER, RECORD
from forwarder_messages import filebeat_aws_s3, fluent_bit_tail

LOG_FILE = json.dumps({"Records": [RECORD, OTHER]}, separators=(",", ":")).encode()
"""A CloudTrail log file as CloudTrail writes it before gzip: one line without a line end."""


@dataclass(frozen=True, slots=True)
class Road:
    """One road.

    Attributes:
        sample: the file name that the page uses for the road's first message.
        messages: the Kafka values.
        shape: the shape by which ``doctor`` and the metrics count these messages (R1, R8).
    """

    sample: str
    messages: tuple[bytes, ...]
    shape: str


def text(record: Any) -> str:
    """A record as CloudTrail writes it: without blanks."""
    return json.dumps(record, separators=(",", ":"))


def by_vector(record: Any) -> bytes:
    """A record that Vector's remap transform took out of a log file: Vector keeps the keys of objects sorted."""
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode()


def eventbridge_event(record: dict[str, Any]) -> dict[str, Any]:
    """The event by which CloudTrail tells EventBridge of a record.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    return {
        "version": "0",
        "id": f"eb-{record['eventID']}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.sts",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


def by_fluent_bit_http(event: dict[str, Any]) -> bytes:
    """What Fluent Bit's http input and Kafka output make of a body: its keys behind a timestamp of their own."""
    return text({"@timestamp": "2026-01-01T12:00:03.123456Z", **event}).encode()


def _each(wrap: Any) -> tuple[bytes, ...]:
    return tuple(wrap(record) for record in (RECORD, OTHER))


ROADS: dict[str, Road] = {
    "vector": Road("vector.json", _each(by_vector), "record"),
    "filebeat": Road("filebeat.json", _each(lambda record: text(filebeat_aws_s3(text(record))).encode()), "filebeat"),
    "fluent-bit-tail": Road(
        "tail.json", _each(lambda record: text(fluent_bit_tail(text(record))).encode()), "fluent-bit"
    ),
    "fluent-bit-http": Road(
        "http.json", _each(lambda record: by_fluent_bit_http(eventbridge_event(record))), "eventbridge"
    ),
    "kafka-connect": Road("connect.json.gz", (gzip.compress(LOG_FILE, mtime=0),), "records-file"),
    "eventbridge": Road(
        "lambda.json", _each(lambda record: json.dumps(eventbridge_event(record)).encode()), "eventbridge"
    ),
}
"""By name."""

PIECES = tuple(ROADS["kafka-connect"].messages[0][at : at + 200] for at in range(0, 600, 200))
"""The same log file cut into pieces, as Aiven's S3 source does with input.format=bytes and its small default buffer."""

OBJECT_CREATED = {
    "version": "0",
    "id": "e",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "111111111111",
    "time": "2026-01-01T12:05:00Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:s3:::trail"],
    "detail": {"version": "0", "bucket": {"name": "trail"}, "object": {"key": "1.json.gz"}, "reason": "PutObject"},
}
"""A notification about an S3 object, which names the log file and does not hold it (R5)."""

_GZIPPED = ROADS["kafka-connect"].messages[0]
_BASE64 = base64.b64encode(_GZIPPED).decode("ascii")

CONVERTED: dict[str, tuple[bytes, str | None]] = {
    "StringConverter, text": (text(RECORD).encode(), "record"),
    "ByteArrayConverter, bytes": (_GZIPPED, "records-file"),
    "JsonConverter, text": (
        text({"schema": {"type": "string", "optional": False}, "payload": text(RECORD)}).encode(),
        "kafka-connect",
    ),
    "JsonConverter, bytes": (
        text({"schema": {"type": "bytes", "optional": False}, "payload": _BASE64}).encode(),
        "kafka-connect",
    ),
    "JsonConverter without schemas, text": (json.dumps(text(RECORD)).encode(), "record"),
    "JsonConverter without schemas, bytes": (json.dumps(_BASE64).encode(), None),
}
"""By converter of Kafka Connect and kind of value: what it writes, and the shape that is read; ``None`` if none is.

The converters of Kafka 4.3.1 wrote these values.
"""
