"""An event for Splunk's HTTP event collector: ``event`` is the record, as an object or as text.

https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "splunk-hec"

_KEYS = frozenset({"time", "host", "source", "sourcetype", "index", "event", "fields"})


def recognises(document: Document) -> bool:
    """Whether the document has an event, and only keys that the collector knows."""
    return "event" in document and document.keys() <= _KEYS


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read the event."""
    yield from carried.read(document["event"], context, document)
