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
    """Read the text, or the object that a shipper has made of it.

    An ingest pipeline prefers ``event.original``, and so does this.
    """
    held = ecs.value("event.original") or ecs.value("message")
    if isinstance(held, str):
        yield from walk.text(held)
    elif isinstance(held, dict):
        yield from walk.document(held)
    else:
        yield walk.unknown("a document about CloudTrail without message, event.original and fields", ecs.bodies[0])
