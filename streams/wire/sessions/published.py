"""Activity and summaries as bytes and as JSON, both driven by their schemas in ``schemas/``.

The wire formats are those of alerts. What is read is a dict with every field of the schema: timestamps are integers,
milliseconds since the epoch, and ``request_parameters`` is JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.schema import expand_schema

from streams.wire.alert import json_converter, read_value
from streams.wire.schemas import newest, without_logical_types
from streams.wire.sessions.datum import datum
from streams.wire.single_object import SingleObjectCodec

if TYPE_CHECKING:
    from streams.sessions.meaning.activity import Activity
    from streams.sessions.meaning.summary import SessionSummary
    from streams.wire.alert import SchemaLookup


class Published:
    """The codec of one subject.

    Args:
        subject: ``activity`` or ``session_summary``.
        name: what a value is, for messages.
    """

    def __init__(self, subject: str, name: str) -> None:
        self.subject = subject
        self._name = name
        self._codec = SingleObjectCodec.of(subject)
        self._reader = fastavro.parse_schema(without_logical_types(newest(subject)))
        self._json_form = json_converter(expand_schema(newest(subject)))

    def encode(self, value: Activity | SessionSummary) -> bytes:
        """The value in Avro single-object encoding; ``ValueError`` if a field has a value outside its type."""
        return self._codec.encode(datum(value))

    def as_written(self, value: Activity | SessionSummary) -> Mapping[str, Any]:
        """The value with the fields alone of the schema that this release writes; raises as ``encode``."""
        return self._codec.as_written(datum(value))

    def read(self, value: bytes, lookup: SchemaLookup | None = None) -> dict[str, Any]:
        """The value from either wire format; fields newer than this version's schema are left out.

        Args:
            value: a value of the topic.
            lookup: where Confluent's wire format finds its schemas; ``None`` without a registry.

        Raises:
            WireError: it is none, or a newer version wrote it, or it needs a registry and none is configured.
            RegistryUnavailable, RegistryRefused: as the lookup raises them.
        """
        return read_value(value, lookup, self._name, self._codec.decode, self._reader)

    def to_json(self, value: Activity | SessionSummary | Mapping[str, Any]) -> dict[str, Any]:
        """The value as a JSON object: every field, timestamps as ISO 8601 in UTC, ``request_parameters`` as it was."""
        document: dict[str, Any] = self._json_form(value if isinstance(value, Mapping) else datum(value))
        event = document.get("event")
        if event is not None and event["request_parameters"] is not None:
            event["request_parameters"] = json.loads(event["request_parameters"])
        return document


ACTIVITY = Published("activity", "activity")
SUMMARY = Published("session_summary", "session summary")


def to_json_line(value: Activity | SessionSummary) -> str:
    """The value on one line without its end, by its kind: ``{"activity": …}`` or ``{"summary": …}``."""
    kind, codec = ("summary", SUMMARY) if hasattr(value, "revision") else ("activity", ACTIVITY)
    return json.dumps({kind: codec.to_json(value)}, separators=(",", ":"))
