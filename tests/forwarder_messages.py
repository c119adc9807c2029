"""Messages as forwarders send them: every envelope of R8 around a text, an object or bytes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_TIME = "2026-01-01T12:05:00.000Z"
_LAMBDA = {"awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:x:eu-central-1:111111111111:y"}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _connect(payload: Any, kind: str) -> dict[str, Any]:
    return {"schema": {"type": kind, "optional": False}, "payload": payload}


def _sqs_entry(body: str) -> dict[str, Any]:
    return {"messageId": "m", "receiptHandle": "r", "body": body, "md5OfBody": "x", "eventSource": "aws:sqs", **_LAMBDA}


def _sns_entry(message: str) -> dict[str, Any]:
    notification = {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:x:1:t", "Message": message}
    return {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:…", "Sns": notification}


def _kinesis_fields(content: bytes) -> dict[str, Any]:
    return {"kinesisSchemaVersion": "1.0", "partitionKey": "p", "sequenceNumber": "4", "data": b64(content)}


_KINESIS_NAMES = {
    "eventSource": "aws:kinesis",
    "eventVersion": "1.0",
    "eventID": "shardId-0:4",
    "eventName": "aws:kinesis:record",
    **_LAMBDA,
}


def _kafka_entry(content: bytes) -> dict[str, Any]:
    return {"topic": "t", "partition": 0, "offset": 1, "timestamp": 1, "value": b64(content), "headers": []}


def _otlp(body: dict[str, Any]) -> dict[str, Any]:
    scope = {"scope": {}, "logRecords": [{"timeUnixNano": "1", "body": body, "attributes": []}]}
    return {"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [scope]}]}


def otlp_value(value: Any) -> dict[str, Any]:
    """A JSON value as OTLP writes an ``AnyValue``."""
    if isinstance(value, dict):
        members = [{"key": key, "value": otlp_value(member)} for key, member in value.items()]
        return {"kvlistValue": {"values": members}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [otlp_value(item) for item in value]}}
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return {} if value is None else {kinds[type(value)]: str(value) if type(value) is int else value}


def _filebeat(message: str, **more: Any) -> dict[str, Any]:
    return {
        "@timestamp": _TIME,
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.17.0"},
        "message": message,
        "log": {"file": {"path": "https://trail.s3.amazonaws.com/1.json.gz"}, "offset": 0},
        "input": {"type": "aws-s3"},
        "agent": {"type": "filebeat"},
        **more,
    }


def filebeat_aws_s3(text: str) -> dict[str, Any]:
    """A document of Filebeat's aws-s3 input with ``expand_event_list_from_field: Records``, before any ingest.

    The keys are those of ``createEvent`` in Filebeat's ``x-pack/filebeat/input/awss3/s3_objects.go`` and what Filebeat
    adds to each event.
    """
    bucket = {"name": "trail", "arn": "arn:aws:s3:::trail"}
    return _filebeat(
        text,
        aws={"s3": {"bucket": bucket, "object": {"key": "AWSLogs/111111111111/CloudTrail/eu-central-1/1.json.gz"}}},
        cloud={"provider": "aws", "region": "eu-central-1"},
        ecs={"version": "8.0.0"},
        host={"name": "forwarder-1"},
    )


def fluent_bit_tail(text: str) -> dict[str, Any]:
    """A line that Fluent Bit's tail input read, as its Kafka output writes it with ``timestamp_format: iso8601``.

    The output puts its own timestamp first: https://docs.fluentbit.io/manual/pipeline/outputs/kafka.
    """
    return {"@timestamp": "2026-01-01T12:05:00.123456Z", "log": text}


def vector_aws_s3(text: str) -> dict[str, Any]:
    """An event of Vector's aws_s3 source that no transform has changed, with ``encoding.codec = "json"``.

    https://vector.dev/docs/reference/configuration/sources/aws_s3/ has the fields.
    """
    return {
        "bucket": "trail",
        "message": text,
        "object": "AWSLogs/111111111111/CloudTrail/eu-central-1/1.json.gz",
        "region": "eu-central-1",
        "source_type": "aws_s3",
        "timestamp": _TIME,
    }


def _custom(name: str, **event: Any) -> dict[str, Any]:
    return {"data_stream": {"dataset": name, "type": "logs"}, "event": {"dataset": name, **event}}


def _forwarder(message: str) -> dict[str, Any]:
    return {"@timestamp": _TIME, "message": message, **_custom("generic", original=message)}


def _module(value: Any) -> dict[str, Any]:
    return {"integration": "aws", "aws": value}


# By forwarder: the name of the shape, and the envelope around a text.
OF_TEXT: dict[str, tuple[str, Callable[[str], Any]]] = {
    "Kafka Connect, a string": ("kafka-connect", lambda text: _connect(text, "string")),
    "Kafka Connect, a message of SQS": (
        "kafka-connect",
        lambda text: _connect({"Body": text, "MD5OfBody": "x"}, "struct"),
    ),
    "Vector, aws_s3": ("vector", vector_aws_s3),
    "Vector, aws_kinesis_firehose": (
        "vector",
        lambda text: {"message": text, "request_id": "r", "source_arn": "a", "source_type": "aws_kinesis_firehose"},
    ),
    "Vector, native_json": ("fluent-bit", lambda text: {"log": {"message": text, "source_type": "aws_sqs"}}),
    "Fluentd": ("message", lambda text: {"message": text, "tag": "aws.cloudtrail", "time": 1767268800}),
    "Logstash": ("message", lambda text: {"@timestamp": _TIME, "@version": "1", "message": text, "host": "h"}),
    "Logstash with ECS": (
        "filebeat",
        lambda text: {"@timestamp": _TIME, "@version": "1", "message": text, "event": {"original": text}},
    ),
    "Graylog, the short message": (
        "gelf",
        lambda text: {"version": "1.1", "host": "h", "short_message": text, "level": 6},
    ),
    "Graylog, the full message": (
        "gelf",
        lambda text: {"version": "1.1", "host": "h", "short_message": "CloudTrail", "full_message": text, "_tag": "t"},
    ),
    "Fluent Bit, tail": ("fluent-bit", fluent_bit_tail),
    "Fluent Bit": ("fluent-bit", lambda text: {"@timestamp": 1767268800.1, "log": text}),
    "Docker": ("fluent-bit", lambda text: {"log": text, "stream": "stdout", "time": _TIME}),
    "Filebeat": ("filebeat", _filebeat),
    "Filebeat, aws-s3": ("filebeat", filebeat_aws_s3),
    "Filebeat, aws.cloudtrail": ("filebeat", lambda text: _filebeat(text, **_custom("aws.cloudtrail"))),
    "Elastic Agent, custom logs": ("filebeat", lambda text: _filebeat(text, **_custom("aws_logs.generic"))),
    "Elastic Agent, any dataset": ("filebeat", lambda text: {"message": text, "data_stream": {"dataset": "my_trail"}}),
    "elastic-serverless-forwarder": ("filebeat", _forwarder),
    "Splunk HEC": ("splunk-hec", lambda text: {"time": 1767268800, "sourcetype": "aws:cloudtrail", "event": text}),
    "Splunk HEC, fields": (
        "splunk-hec",
        lambda text: {"time": "1.5", "host": "h", "source": "s", "index": "i", "event": text, "fields": {"a": "b"}},
    ),
    "Cribl": (
        "cribl",
        lambda text: {"_raw": text, "_time": 1767268800.1, "source": "s3", "cribl_breaker": "CloudTrail"},
    ),
    "Wazuh, the full log": (
        "wazuh",
        lambda text: {"timestamp": _TIME, "full_log": text, "decoder": {"name": "json"}, "location": "Wazuh-AWS"},
    ),
    "OpenTelemetry": ("otlp", lambda text: _otlp({"stringValue": text})),
    "CloudEvents, text": (
        "cloudevents",
        lambda text: {"specversion": "1.0", "id": "1", "type": "t", "source": "s", "data": text},
    ),
    "Lambda's SQS event": ("sqs", lambda text: {"Records": [_sqs_entry(text)]}),
    "receive-message": ("sqs", lambda text: {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": text}]}),
    "EventBridge Pipes, SQS": ("sqs", lambda text: [_sqs_entry(text)]),
    "one message of SQS": (
        "sqs",
        lambda text: {"MessageId": "m", "ReceiptHandle": "r", "MD5OfBody": "x", "Body": text},
    ),
    "Lambda's SNS event": ("lambda-sns", lambda text: {"Records": [_sns_entry(text)]}),
    "an entry of Lambda's SNS event": ("lambda-sns", _sns_entry),
    "an event of lookup-events": ("lookup-events", lambda text: {"EventId": "e", "CloudTrailEvent": text}),
    "filter-log-events": (
        "cloudwatch-logs",
        lambda text: {"events": [{"logStreamName": "s", "timestamp": 1, "message": text}], "searchedLogStreams": []},
    ),
    "lookup-events": (
        "lookup-events",
        lambda text: {
            "Events": [{"EventId": "e", "EventName": "AssumeRoot", "CloudTrailEvent": text}],
            "NextToken": "n",
        },
    ),
}

# By forwarder: the name of the shape, and the envelope around a JSON value.
OF_OBJECT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Kafka Connect, a struct": ("kafka-connect", lambda value: _connect(value, "struct")),
    "Fluentd, parsed": ("message", lambda value: {"message": value, "tag": "t"}),
    "Filebeat, parsed": ("filebeat", lambda value: {"@metadata": {"beat": "filebeat"}, "message": value}),
    "Filebeat's parser": ("filebeat", lambda value: {"@metadata": {"beat": "filebeat"}, "json": value}),
    "Splunk HEC": ("splunk-hec", lambda value: {"time": 1767268800, "event": value}),
    "Cribl": ("cribl", lambda value: {"_raw": value, "_time": 1}),
    "Wazuh": (
        "wazuh",
        lambda value: {"timestamp": _TIME, "rule": {"level": 3}, "data": _module(value), "location": "Wazuh-AWS"},
    ),
    "Wazuh's AWS module": ("wazuh", _module),
    "Wazuh, the full log": ("wazuh", lambda value: {"full_log": json.dumps(_module(value)), "location": "Wazuh-AWS"}),
    "OpenTelemetry": ("otlp", lambda value: _otlp(otlp_value(value))),
    "CloudEvents": (
        "cloudevents",
        lambda value: {"specversion": "1.0", "id": "1", "type": "t", "source": "s", "data": value},
    ),
}

# By forwarder: the name of the shape, and the envelope around bytes.
OF_BYTES: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "Kafka Connect, bytes": ("kafka-connect", lambda content: _connect(b64(content), "bytes")),
    "Kafka Connect, a record of Kinesis": (
        "kafka-connect",
        lambda content: _connect({"sequenceNumber": "4", "partitionKey": "p", "data": b64(content)}, "struct"),
    ),
    "OpenTelemetry, bytes": ("otlp", lambda content: _otlp({"bytesValue": b64(content)})),
    "CloudEvents, bytes": (
        "cloudevents",
        lambda content: {"specversion": "1.0", "id": "1", "type": "t", "source": "s", "data_base64": b64(content)},
    ),
    "Lambda's Kinesis event": (
        "kinesis",
        lambda content: {"Records": [{"kinesis": _kinesis_fields(content), **_KINESIS_NAMES}]},
    ),
    "an entry of Lambda's Kinesis event": (
        "kinesis",
        lambda content: {"kinesis": _kinesis_fields(content), **_KINESIS_NAMES},
    ),
    "EventBridge Pipes, Kinesis": ("kinesis", lambda content: [{**_kinesis_fields(content), **_KINESIS_NAMES}]),
    "get-records": (
        "kinesis",
        lambda content: {
            "Records": [{"SequenceNumber": "4", "Data": b64(content), "PartitionKey": "p"}],
            "NextShardIterator": "n",
        },
    ),
    "Lambda's Kafka event": (
        "lambda-kafka",
        lambda content: {"eventSource": "aws:kafka", "records": {"t-0": [_kafka_entry(content)]}},
    ),
    "EventBridge Pipes, Kafka": ("kafka", lambda content: [{**_kafka_entry(content), "eventSource": "aws:kafka"}]),
    "Firehose's HTTP body": (
        "firehose",
        lambda content: {"requestId": "r", "timestamp": 1767268800000, "records": [{"data": b64(content)}]},
    ),
    "Firehose's transformation": (
        "firehose",
        lambda content: {
            "invocationId": "i",
            "deliveryStreamArn": "a",
            "records": [{"recordId": "1", "approximateArrivalTimestamp": 1, "data": b64(content)}],
        },
    ),
}
