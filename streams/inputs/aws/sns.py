"""An SNS notification: its message is another shape as text.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "sns"

# CloudTrail sends this to a topic when a trail is set up to notify the topic.
_VALIDATION = "CloudTrail validation message."


def recognises(document: Document) -> bool:
    """Whether the document is a notification with a message, or a topic's message about a subscription."""
    kind = document.get("Type")
    return (kind == "Notification" and "Message" in document) or (isinstance(kind, str) and "TopicArn" in document)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the message; messages about subscriptions hold no record (R5)."""
    if document["Type"] != "Notification":
        yield context.passed_over("an SNS message about a subscription")
        return
    message = document.get("Message")
    if not isinstance(message, str):
        yield context.unknown("the message of an SNS notification is not text", document)
    elif message.startswith(_VALIDATION):
        yield context.passed_over("a validation message of CloudTrail")
    else:
        yield from context.text(message)
