"""A CloudWatch Logs subscription: each log event's message is a record as JSON text.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "cloudwatch-logs"

_CONTROL = "CONTROL_MESSAGE"


def recognises(document: Document) -> bool:
    """Whether the document has a message type and log events; a control message may be without events."""
    return "messageType" in document and ("logEvents" in document or document["messageType"] == _CONTROL)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the message of each log event; a control message holds none, it only tests the destination (R5)."""
    if document["messageType"] == _CONTROL:
        yield context.passed_over("a control message of CloudWatch Logs")
        return
    events = document["logEvents"]
    if not isinstance(events, list):
        yield context.unknown("logEvents is not a list", document)
        return
    elements = context.elements()
    for event in events:
        message = event.get("message") if isinstance(event, dict) else None
        if isinstance(message, str):
            yield from elements.text(message)
        else:
            yield elements.unknown("a log event has no message", event)
