"""A trail's log file, ``{"Records": […]}``.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html. S3 event notifications
have the same key; their entries name events too, but not CloudTrail's (R5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.aws import announcements, cloudtrail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "records-file"


def recognises(document: Document) -> bool:
    """Whether the document has records. Lambda's events have the key too; ``envelopes/batches.py`` comes before."""
    return "Records" in document


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read each entry as a record; a bad entry costs only itself (R4)."""
    if not isinstance(document["Records"], list):
        yield context.unknown("Records is not a list", document)
        return
    elements = context.elements()
    for element in document["Records"]:
        if isinstance(element, dict) and cloudtrail.recognises(element):
            yield cloudtrail.record(element, elements)
        elif isinstance(element, dict) and announcements.recognises(element):
            yield from announcements.read(element, elements)
        else:
            yield elements.unknown("an entry of Records is not a CloudTrail record", element)
