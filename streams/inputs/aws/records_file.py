"""A trail's log file, ``{"Records": […]}``.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html. S3 event notifications
look the same; their entries name events too, which are none of CloudTrail's (R5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.aws import announcements, cloudtrail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "records-file"


def recognises(document: Document) -> bool:
    """It has records; Lambda's events, which have that key too, are recognised before (``envelopes/batches.py``)."""
    return "Records" in document


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Each entry is a record; one that is not costs only itself (R4)."""
    if not isinstance(document["Records"], list):
        yield context.unknown("Records is no list", document)
        return
    elements = context.elements()
    for element in document["Records"]:
        if isinstance(element, dict) and cloudtrail.recognises(element):
            yield cloudtrail.record(element, elements)
        elif isinstance(element, dict) and announcements.recognises(element):
            yield from announcements.read(element, elements)
        else:
            yield elements.unknown("an entry of Records is no CloudTrail record", element)
