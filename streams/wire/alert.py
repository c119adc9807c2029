"""Alerts as bytes and as JSON, both by ``schemas/alert.avsc``.

Here an alert is a dict with every field of the schema, as ``Alert.fields`` makes it. Timestamps are milliseconds since
the epoch, and ``record`` is the source record as JSON text.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import fastavro
from fastavro.schema import SchemaParseException, UnknownType, expand_schema

from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.wire.schemas import newest, without_logical_types
from streams.wire.single_object import MAGIC, SingleObjectCodec, WireError, decode_body
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CODEC = SingleObjectCodec.of("alert")
_READER = fastavro.parse_schema(without_logical_types(newest("alert")))
_CONFLUENT_MAGIC = b"\x00"
_CONFLUENT_HEADER_LENGTH = 5


class SchemaLookup(Protocol):
    """Returns the schema that a registry has under an id; ``registry.schema_lookup`` makes one."""

    def __call__(self, schema_id: int) -> str:
        """Return the schema as JSON text."""


def encode(alert: Mapping[str, Any]) -> bytes:
    """Return the alert in Avro single-object encoding.

    Raises:
        ValueError: a field is missing, is unknown or has a value outside its type.
    """
    return CODEC.encode(alert)


def as_written(alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the alert with only the fields of the schema that this release writes; raises as ``encode``."""
    return CODEC.as_written(alert)


def decode(data: bytes) -> dict[str, Any]:
    """Return the alert from Avro single-object encoding, of any released schema.

    Raises:
        WireError: the bytes are not such an alert, or a newer version wrote them.
    """
    return CODEC.decode(data)


def read_alert(value: bytes, lookup: SchemaLookup | None = None) -> dict[str, Any]:
    """Return the alert from either wire format, without fields that are newer than this version's schema.

    Args:
        value: a value of the alert or overflow topic.
        lookup: finds the schemas of Confluent's wire format; ``None`` without a registry.

    Raises:
        WireError: the value is not an alert, a newer version wrote it, or it needs a registry and none is configured.
        RegistryUnavailable, RegistryRefused: raised by ``lookup``.
    """
    return read_value(value, lookup, "alert", decode, _READER)


def read_value(
    value: bytes, lookup: SchemaLookup | None, name: str, decode: Callable[[bytes], dict[str, Any]], reader: Any
) -> dict[str, Any]:
    """The value of a published topic from either wire format; ``read_alert`` says which errors are raised.

    Args:
        value: the value.
        lookup: finds the schemas of Confluent's wire format; ``None`` without a registry.
        name: what the value is, for messages.
        decode: reads single-object encoding.
        reader: the parsed schema that Confluent's wire format is read into.
    """
    if value.startswith(MAGIC):
        return decode(value)
    if not value.startswith(_CONFLUENT_MAGIC) or len(value) < _CONFLUENT_HEADER_LENGTH:
        what = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        raise WireError(f"not {what}: {len(value)} bytes that start with {value[:_CONFLUENT_HEADER_LENGTH].hex()}")
    if lookup is None:
        raise WireError(f"this {name} was written with a schema registry; set schema_registry_url to read it")
    schema_id = int.from_bytes(value[1:_CONFLUENT_HEADER_LENGTH], "big")
    writer = _parsed(lookup(schema_id))
    return decode_body(value[_CONFLUENT_HEADER_LENGTH:], f"{name} with schema id {schema_id}", writer, reader)


@lru_cache(maxsize=64)
def _parsed(schema_text: str) -> Any:
    try:
        return fastavro.parse_schema(without_logical_types(json.loads(schema_text)))
    except (ValueError, SchemaParseException, UnknownType) as error:
        raise WireError(f"the registry's schema for this value is not an Avro schema: {error}") from error


def to_json(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alert as a JSON object: every field, timestamps as ISO 8601 in UTC, ``record`` as an object.

    If the message had no Kafka timestamp (-1 in Avro), the timestamp is null.
    """
    return to_json_without_record(alert) | {"record": json.loads(alert["record"])}


def to_json_without_record(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``to_json`` without ``record``, which costs more than all other fields."""
    document: dict[str, Any] = _json_form(alert)
    origin = document["origin"]
    if origin is not None and alert["origin"]["timestamp"] == NO_TIMESTAMP:
        origin["timestamp"] = None
    del document["record"]
    return document


def to_json_line(alert: Mapping[str, Any], *, overflow: bool = False) -> str:
    """Return ``to_json`` as one line without a line end, with ``"overflow": true`` for an alert above the cap (A3)."""
    document = to_json(alert)
    if overflow:
        document["overflow"] = True
    return json.dumps(document, separators=(",", ":"))


def json_converter(schema: Any) -> Callable[[Any], Any]:
    """Return the function that turns a value of this schema into its JSON form.

    What holds no timestamp is its own JSON form, and is not copied.
    """
    if isinstance(schema, list):
        branches = [json_converter(branch) for branch in schema if branch != "null"]
        if len(branches) != 1:
            raise ValueError(f"a union in a published schema is of null and one type, not {schema}")
        return _if_changed(branches, lambda value: None if value is None else branches[0](value))
    if not isinstance(schema, dict):
        return _unchanged
    if schema.get("logicalType") == "timestamp-millis":
        return to_iso8601
    if schema["type"] == "record":
        fields = {field["name"]: json_converter(field["type"]) for field in schema["fields"]}
        return _if_changed(
            fields.values(), lambda value: {name: convert(value[name]) for name, convert in fields.items()}
        )
    if schema["type"] == "array":
        convert_item = json_converter(schema["items"])
        return _if_changed([convert_item], lambda value: [convert_item(item) for item in value])
    return _unchanged


def _if_changed(parts: Iterable[Callable[[Any], Any]], convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _unchanged if all(part is _unchanged for part in parts) else convert


def _unchanged(value: Any) -> Any:
    return value


_json_form = json_converter(expand_schema(newest("alert")))
