"""An EventBridge event: ``detail-type`` says what ``detail`` holds.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-aws-service-specific-topics.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.content import json_text
from streams.inputs.aws import cloudtrail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "eventbridge"

_FROM_CLOUDTRAIL = " via CloudTrail"  # AWS API Call, AWS Console Sign In, AWS Service Event, AWS Insight …


def recognises(document: Document) -> bool:
    """Whether the document has both keys; no other shape has a key with a hyphen."""
    return "detail-type" in document and "detail" in document


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the detail: it is the record, as an object or as text. Events of other sources hold no record (R5)."""
    detail, kind = document["detail"], document["detail-type"]
    is_from_cloudtrail = isinstance(kind, str) and kind.endswith(_FROM_CLOUDTRAIL)
    if isinstance(detail, str):
        try:
            detail = json_text.parse(detail)
        except json_text.MalformedJsonError as error:
            if is_from_cloudtrail:
                yield context.unreadable("malformed", f"the detail of an event via CloudTrail: {error}", document)
                return
    if isinstance(detail, dict) and cloudtrail.recognises(detail):
        yield cloudtrail.record(detail, context)
    elif is_from_cloudtrail:
        yield context.unknown("the detail of an event via CloudTrail is not a CloudTrail record", document)
    else:
        yield context.passed_over("an EventBridge event that is not from CloudTrail")
