"""Rows of a CloudTrail Lake query from ``get-query-results``: each is a list of columns with one key each.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.aws import cloudtrail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "lake"


def recognises(document: Document) -> bool:
    """Whether the document has rows."""
    return isinstance(document.get("QueryResultRows"), list)


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read each row with the columns of a record; any other row costs only itself (R4)."""
    elements = context.elements()
    for row in document["QueryResultRows"]:
        columns = row if isinstance(row, list) else []
        fields = {name: value for column in columns if isinstance(column, dict) for name, value in column.items()}
        if cloudtrail.recognises(fields):
            yield cloudtrail.record(fields, elements)
        else:
            yield elements.unknown("a row without the columns of a record", row)
