"""OpenTelemetry logs as JSON: the body of each log record is a message.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Values are defined in
https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/common/v1/common.proto.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streams.content import json_text
from streams.content.json_text import MAX_DEPTH, TooDeepError
from streams.inputs.envelopes import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Document, Item, ReadContext

NAME = "otlp"

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")


def recognises(document: Document) -> bool:
    """Whether the document has logs by resource."""
    return "resourceLogs" in document


def read(document: Document, context: ReadContext) -> Iterator[Item]:
    """Read each body; a log record without a body of a known form costs only itself (R4)."""
    if not isinstance(document["resourceLogs"], list):
        yield context.unknown("resourceLogs is not a list", document)
        return
    elements = context.elements()
    for entry in _log_records(document):
        body: Any = entry.get("body", {}) if isinstance(entry, dict) else None
        try:
            value = _plain(body, 0)
        except TooDeepError as error:
            yield elements.unreadable("malformed", str(error), entry)
            continue
        if value is None and body != {}:
            yield elements.unknown("a log record without a body of a known form", entry)
        else:
            yield from carried.read(value, elements, entry, base64="bytesValue" in body)


def _log_records(document: Document) -> Iterator[Any]:
    """Give every log record, and every value that is in the position of a list, but is not one."""
    for resource in _list(document, "resourceLogs"):
        for scope in _list(resource, "scopeLogs", "instrumentationLibraryLogs"):
            yield from _list(scope, "logRecords")


def _list(holder: Any, *keys: str) -> list[Any]:
    """Return the first of these lists that is there. A value that is not a list gives a list of it: nothing is lost."""
    if not isinstance(holder, dict):
        return [holder]
    value: Any = next((holder[key] for key in keys if key in holder), [])
    return value if isinstance(value, list) else [value]


def _plain(value: Any, depth: int) -> Any:
    """Return the JSON value of an ``AnyValue``; bytes stay base64."""
    if depth > MAX_DEPTH:
        raise TooDeepError
    match value:
        case {"kvlistValue": {"values": list(members)}}:
            named = (member for member in members if isinstance(member, dict) and isinstance(member.get("key"), str))
            return {member["key"]: _plain(member.get("value"), depth + 1) for member in named}
        case {"arrayValue": {"values": list(items)}}:
            return [_plain(item, depth + 1) for item in items]
        case {"stringValue": plain} | {"bytesValue": plain} | {"boolValue": plain} | {"doubleValue": plain}:
            return plain
        case {"intValue": str(digits)}:  # protobuf's JSON writes integers of 64 bits as text
            return json_text.parse(digits) if _INTEGER.fullmatch(digits) else digits
        case {"intValue": plain}:
            return plain
    return None
