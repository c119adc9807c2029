"""Envelopes that carry a message in each entry of a list: a table of the lists, and of the message's path in an entry.

Sources:
- Lambda's events: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, with-sns, with-kinesis and with-msk.
- Firehose's HTTP body, and the body of its transformations:
  https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html.
- Responses of the AWS CLI and SDKs: receive-message, get-records, filter-log-events, lookup-events
  (https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.inputs.aws import cloudtrail
from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext


@dataclass(frozen=True, slots=True)
class Batch:
    """An envelope with several messages.

    Attributes:
        NAME: the shape's name.
        list_key: the key of the entries, which are a list or an object of lists.
        path: the keys that lead to the message in an entry.
        base64: whether text may be base64.
        tombstone: a key that an entry without a message has, as a Kafka record without a value has its topic.
    """

    NAME: str
    list_key: str
    path: tuple[str, ...]
    base64: bool = False
    tombstone: str = ""

    def recognises(self, document: Document) -> bool:
        """Whether an entry has the path. If an entry before it is a record, the document is a log file instead."""
        for entry in self._entries(document) or ():
            if isinstance(entry, dict):
                if cloudtrail.recognises(entry):
                    return False
                if _holds(entry, self.path) or self.tombstone in entry:
                    return True
        return False

    def read(self, document: Document, context: ReadContext) -> Iterator[Item]:
        """Read the message of each entry; an entry without a message costs only itself (R4)."""
        elements = context.elements()
        for entry in self._entries(document) or ():
            if isinstance(entry, dict) and _holds(entry, self.path):
                yield from carried.read(_at(entry, self.path), elements, entry, base64=self.base64)
            elif isinstance(entry, dict) and self.tombstone in entry:
                yield elements.passed_over("an entry without content")
            else:
                yield elements.unknown(f"an entry of {self.list_key} without {'.'.join(self.path)}", entry)

    def _entries(self, document: Document) -> list[Any] | None:
        value = document.get(self.list_key)
        if isinstance(value, dict) and value and all(isinstance(entries, list) for entries in value.values()):
            return [entry for entries in value.values() for entry in entries]
        return value if isinstance(value, list) else None


def _holds(entry: Document, path: tuple[str, ...]) -> bool:
    for key in path[:-1]:
        below = entry.get(key)
        if not isinstance(below, dict):
            return False
        entry = below
    return path[-1] in entry


def _at(entry: Document, path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        entry = entry[key]
    return entry[path[-1]]


LAMBDA_SQS = Batch("sqs", "Records", ("body",))
LAMBDA_SNS = Batch("lambda-sns", "Records", ("Sns",))
LAMBDA_KINESIS = Batch("kinesis", "Records", ("kinesis", "data"), base64=True)
KINESIS_ANSWER = Batch("kinesis", "Records", ("Data",), base64=True)
SQS_ANSWER = Batch("sqs", "Messages", ("Body",))
FIREHOSE = Batch("firehose", "records", ("data",), base64=True)
LAMBDA_KAFKA = Batch("lambda-kafka", "records", ("value",), base64=True, tombstone="topic")
FILTERED_LOG_EVENTS = Batch("cloudwatch-logs", "events", ("message",))
LOOKUP_EVENTS = Batch("lookup-events", "Events", ("CloudTrailEvent",))
