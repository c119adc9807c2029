"""A hit of an Elasticsearch search, with the document in ``_source`` or its fields in ``fields``.

https://www.elastic.co/docs/reference/elasticsearch/rest-apis/retrieve-selected-fields
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.elastic import filebeat, ingested
from streams.inputs.elastic.ecs import Ecs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "elasticsearch"


def recognises(document: Document) -> bool:
    """Whether the document has a source, or fields that have a dataset or come with one of a hit's own keys.

    Fields alone prove nothing: Filebeat writes the operator's additions under that name.
    """
    if isinstance(document.get("_source"), dict):
        return True
    fields = document.get("fields")
    return isinstance(fields, dict) and (
        "_index" in document or "_id" in document or Ecs((fields,)).dataset is not None
    )


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the document; what is missing in its source may be in the fields."""
    bodies = tuple(
        body for body in (document.get("_source"), document.get("fields")) if isinstance(body, dict) and body
    )
    if not bodies:
        yield context.unknown("a hit without source and fields", document)
        return
    ecs = Ecs(bodies)
    if filebeat.is_raw(ecs):
        yield from filebeat.read_untouched(ecs, context)
    elif ecs.dataset is not None or ecs.is_ingested:
        yield from ingested.read_fields(ecs, context)
    else:
        yield from context.document(bodies[0])
