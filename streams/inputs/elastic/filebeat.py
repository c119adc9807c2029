"""An Elastic document that holds the untouched record in ``event.original`` or ``message``: that record decides (T2).

Filebeat, Elastic Agent and elastic-serverless-forwarder write such documents before ingest, under any dataset that the
operator chooses. https://www.elastic.co/docs/reference/beats/filebeat/filebeat-module-aws. Their ``@timestamp`` is the
time of reading.

If the document names another dataset, or another pipeline wrote fields, its text need not be CloudTrail. Text that is
not is passed over and does not become a dead letter, unless it may be a record that was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.extraction.record import PassedOver, Record, Unreadable
from streams.inputs.elastic.ecs import CLOUDTRAIL, Ecs
from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "filebeat"

# A document without a dataset is Filebeat's if it has one of these keys.
_OWN_KEYS = frozenset({"@metadata", "agent", "ecs", "beat"})
_OF_ANOTHER = "an Elastic document that is not of aws.cloudtrail and holds no record"
_OF_AWS = "aws."
_OPENING = ("{", "[")


def recognises(document: Document) -> bool:
    """Whether the document holds the untouched record, and no field of CloudTrail's pipeline yet."""
    return is_raw(Ecs((document,)))


def is_raw(ecs: Ecs) -> bool:
    """Whether an Elastic document holds a record and was not ingested as CloudTrail."""
    dataset = ecs.dataset
    if dataset == CLOUDTRAIL:
        return not ecs.is_ingested
    if ecs.has_fields or not ecs.untouched:
        return False
    return (
        dataset is not None
        or ecs.value("event.original") is not None
        or any(not _OWN_KEYS.isdisjoint(body) for body in ecs.bodies)
    )


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the untouched record."""
    yield from read_untouched(Ecs((document,)), context)


def read_untouched(ecs: Ecs, context: ReadContext) -> Iterator[Item]:
    """Read the untouched record, as text or as the object that a shipper made of it."""
    untouched = ecs.untouched
    if untouched is None:
        yield context.unknown("a document about CloudTrail without message, event.original and fields", ecs.bodies[0])
        return
    items = carried.read(untouched, context, ecs.bodies[0])
    dataset = ecs.dataset
    if dataset == CLOUDTRAIL or (dataset is None and not ecs.is_ingested):
        yield from items
        return
    found = list(items)
    holds_none = not any(isinstance(item, Record) for item in found)
    is_of_aws = isinstance(dataset, str) and dataset.startswith(_OF_AWS)
    may_be_cut = isinstance(untouched, str) and untouched.lstrip().startswith(_OPENING) and not is_of_aws
    for item in found:
        if holds_none and isinstance(item, Unreadable) and not (may_be_cut and item.reason == "malformed"):
            yield PassedOver(_OF_ANOTHER, item.element)
        else:
            yield item
