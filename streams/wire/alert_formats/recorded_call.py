"""Which call an alert's record is: its name and service, which the alert itself has only as terms of some rules."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.content import json_text
from streams.fields.document import document_reader
from streams.fields.lookup import text_at

_ACTION = document_reader("event.action")
_PROVIDER = document_reader("event.provider")


class Call(NamedTuple):
    """A call: ``AssumeRoot`` and ``sts.amazonaws.com``; ``None`` where the record does not say."""

    action: str | None
    provider: str | None


_UNKNOWN = Call(None, None)


def recorded_call(record: str) -> Call:
    """Return the call of a record: raw, a document of Elastic, or an Elasticsearch hit of one."""
    try:
        document = json_text.parse(record)
    except json_text.MalformedJsonError:
        return _UNKNOWN
    if not isinstance(document, dict):
        return _UNKNOWN
    if (action := text_at(document, "eventName")) is not None:
        return Call(action, text_at(document, "eventSource"))
    hit: Any = document.get("_source")
    bodies = (document, hit) if isinstance(hit, dict) else (document,)
    return Call(next(iter(_ACTION(bodies, {})), None), next(iter(_PROVIDER(bodies, {})), None))
