"""One CloudTrail record, as a trail, a Lambda function or a shipper of single records passes it on.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.walk import Document, Item, Walk

NAME = "record"


def recognises(document: Document) -> bool:
    """A record names its event; one without a name still has a source and a version."""
    return "eventName" in document or ("eventSource" in document and "eventVersion" in document)


def read(document: Document, walk: Walk) -> Iterator[Item]:
    """The document is the record."""
    yield walk.record(document)
