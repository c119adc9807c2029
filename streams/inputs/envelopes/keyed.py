"""Envelopes that carry the message under one key: a table of their keys.

Sources:
- Kafka Connect's JsonConverter: https://docs.confluent.io/platform/current/connect/userguide.html. Bytes are base64.
- CloudEvents: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
- Single records of Kinesis, SQS, SNS and Kafka and single events of lookup-events, as EventBridge Pipes and SDKs give
  them, and as they are after a batch was split:
  https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html.
- GELF: https://go2docs.graylog.org/current/getting_in_log_data/gelf.html. Vector: https://vector.dev/docs/reference/configuration/sources/aws_s3/.
  Fluent Bit and Docker's log files: ``log``. Cribl: ``_raw``. Fluentd, Logstash and others:
  ``message``, without keys that tell them apart. Filebeat's parser of JSON: ``json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.inputs.aws import cloudtrail
from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

# The first character of JSON, or a byte order mark before it.
_OF_JSON = ("{", "[", '"', "\ufeff")


@dataclass(frozen=True, slots=True)
class Keyed:
    """An envelope that is recognised by its keys.

    Attributes:
        NAME: the shape's name.
        carriers: the keys that may carry the message; the first whose value looks like JSON counts, else the first that
            is there.
        beside: other keys; the document must have at least one of them, if any are given.
        alone: whether the document must have all keys in ``beside``, and no keys but these and the carriers.
        base64: whether text may be base64.
    """

    NAME: str
    carriers: tuple[str, ...]
    beside: frozenset[str] = frozenset()
    alone: bool = False
    base64: bool = False

    def recognises(self, document: Document) -> bool:
        """Whether the document has the keys."""
        if not any(key in document for key in self.carriers):
            return False
        if self.alone:
            return document.keys() <= self.beside.union(self.carriers) and self.beside <= document.keys()
        return not self.beside or not self.beside.isdisjoint(document)

    def read(self, document: Document, context: ReadContext) -> Iterator[Item]:
        """Read the value of the carrier."""
        values = [document[key] for key in self.carriers if key in document]
        value = next(filter(_looks_like_json, values), values[0])
        yield from carried.read(value, context, document, base64=self.base64)


@dataclass(frozen=True, slots=True)
class _Log(Keyed):
    """Fluent Bit's ``log``: text, or the object that its parser made of it. ECS uses the key for data about the log."""

    def recognises(self, document: Document) -> bool:
        """Whether the log is text, a record, or the only key, as in Vector's own form of an event."""
        log = document.get("log")
        return isinstance(log, str) or (isinstance(log, dict) and (cloudtrail.recognises(log) or len(document) == 1))


def _looks_like_json(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, str) and value.lstrip().startswith(_OF_JSON))


KAFKA_CONNECT = Keyed("kafka-connect", ("payload",), frozenset({"schema"}), alone=True, base64=True)
CLOUDEVENTS = Keyed("cloudevents", ("data", "data_base64"), frozenset({"specversion"}), base64=True)
KINESIS = Keyed(
    "kinesis",
    ("data", "Data"),
    frozenset({"partitionKey", "PartitionKey", "sequenceNumber", "SequenceNumber", "kinesisSchemaVersion"}),
    base64=True,
)
KAFKA = Keyed("kafka", ("value",), frozenset({"topic"}), base64=True)
SQS = Keyed(
    "sqs",
    ("body", "Body"),
    frozenset({"messageId", "MessageId", "receiptHandle", "ReceiptHandle", "md5OfBody", "MD5OfBody"}),
)
SNS_ENTRY = Keyed("lambda-sns", ("Sns",))
KINESIS_ENTRY = Keyed("kinesis", ("kinesis",))
LOOKUP_EVENT = Keyed("lookup-events", ("CloudTrailEvent",))
BEATS_JSON = Keyed("filebeat", ("json",), frozenset({"@metadata", "agent", "beat"}))
GELF = Keyed("gelf", ("full_message", "short_message"))
CRIBL = Keyed("cribl", ("_raw",))
VECTOR = Keyed("vector", ("message",), frozenset({"source_type"}))
LOG = _Log("fluent-bit", ("log", "message"))
MESSAGE = Keyed("message", ("message",))
