"""A document of Filebeat or Elastic Agent before ingest: the record is still text in ``event.original`` or ``message``.

https://www.elastic.co/docs/reference/beats/filebeat/filebeat-module-aws. Their ``@timestamp`` is the time of reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.ecs import CLOUDTRAIL, Ecs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.walk import Document, Item, Walk

NAME = "filebeat"


def recognises(document: Document) -> bool:
    """It says that it is about CloudTrail, and no field of the record is there yet."""
    return is_raw(Ecs((document,)))


def is_raw(ecs: Ecs) -> bool:
    """Whether an Elastic document has not been ingested."""
    return ecs.dataset == CLOUDTRAIL and not ecs.is_ingested


def read(document: Document, walk: Walk) -> Iterator[Item]:
    """Read the text."""
    yield from read_text(Ecs((document,)), walk)


def read_text(ecs: Ecs, walk: Walk) -> Iterator[Item]:
    """Read the text; an ingest pipeline prefers ``event.original``, and so does this."""
    text = ecs.text("event.original") or ecs.text("message")
    if text is None:
        yield walk.unknown("a document about CloudTrail without message, event.original and fields", ecs.bodies[0])
    else:
        yield from walk.text(text)
