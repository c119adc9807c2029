"""Envelopes that carry a message in each entry of a list: a table of which list, and where in an entry.

Lambda's events: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, with-sns, with-kinesis and with-msk;
Firehose's body: https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html, and that of its
transformations; answers of the AWS CLI and SDKs: receive-message, get-records, filter-log-events, lookup-events
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
        list_key: the key of the entries: a list of them, or an object of such lists.
        path: where in an entry its message is.
        base64: whether text may be base64.
        tombstone: the key of an entry that may have no message, as a Kafka record has its topic without a value.
    """

    NAME: str
    list_key: str
    path: tuple[str, ...]
    base64: bool = False
    tombstone: str = ""

    def recognises(self, document: Document) -> bool:
        """An entry has the path, and none before it is a record: then it is a log file, whatever its records hold."""
        for entry in self._entries(document) or ():
            if isinstance(entry, dict):
                if cloudtrail.recognises(entry):
                    return False
                if _holds(entry, self.path) or self.tombstone in entry:
                    return True
        return False

    def read(self, document: Document, context: ReadContext) -> Iterator[Item]:
        """Read each entry's message; an entry that has none costs only itself (R4)."""
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
