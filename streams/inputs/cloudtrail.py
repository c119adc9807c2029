"""One CloudTrail record, as a trail, a Lambda function or a shipper of single records passes it on.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.walk import Document, Item, Walk

NAME = "record"

USUAL_START = b'{"eventVersion"'
"""How CloudTrail begins a record. One document that begins so is a record, see ``recognises``."""


def recognises(document: Document) -> bool:
    """A record has a version and names its event; no other shape has either key."""
    return "eventName" in document or "eventVersion" in document


def read(document: Document, walk: Walk) -> Iterator[Item]:
    """The document is the record."""
    yield walk.record(document)
