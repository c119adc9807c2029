"""Values in Confluent's wire format, by confluent-kafka's schema registry client and Avro serializer.

Decisions:

- The subject of topic ``t`` is ``t-value`` (TopicName strategy). The strategy is set, because the serializer's default
  asks the registry for "associations" first.
- ``topics apply`` registers the schemas and sets each subject to FULL_TRANSITIVE. The worker only looks up its schema,
  so its credentials need no right to write. If the lookup finds nothing (``topics apply`` did not run), the worker
  tries to register the schema. If the registry forbids that, the error names the command that fixes it.
- There is one serializer per topic: a serializer keeps only the last schema id it learned, and a registry may give the
  same schema another id in another subject.
- An existing subject gets its compatibility level first, so that a schema is accepted only if every reader can read it.
  A new subject gets its schema first: some registries answer 404 to the level of a subject without a schema.
- Each request is made once, with a timeout, and never retried. The caller decides how long to wait for a registry that
  is down (``RegistryUnavailable``), and stops if the registry refuses (``RegistryRefused``).
- If a topic's schema id is known, no request is made for it: an outage after the first alert stops nothing.
"""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from confluent_kafka.schema_registry import AsyncSchemaRegistryClient, RegisteredSchema, Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AsyncAvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from streams.wire.confluent.client import check_files, client_settings
from streams.wire.confluent.errors import (
    RegistryMisconfigured,
    RegistryRefused,
    RegistryUnavailable,
    asking,
    translated,
)
from streams.wire.schemas import written
from streams.wire.single_object import SingleObjectCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.wire.alert import SchemaLookup
    from streams.wire.confluent.client import RegistrySettings

__all__ = [
    "COMPATIBILITY",
    "RegistryMisconfigured",
    "RegistryRefused",
    "RegistryUnavailable",
    "ValueSerializer",
    "apply_schemas",
    "check_files",
    "check_schemas",
    "schema_lookup",
    "value_serializer",
]

COMPATIBILITY = "FULL_TRANSITIVE"


class ValueSerializer:
    """Encodes values in Confluent's wire format; belongs to the event loop that calls it first."""

    def __init__(self, client: AsyncSchemaRegistryClient) -> None:
        self._client = client
        self._serializers: dict[str, AsyncAvroSerializer] = {}
        self._codecs: dict[str, SingleObjectCodec] = {}

    async def __call__(self, topic: str, schema: str, value: Mapping[str, Any]) -> bytes:
        """Encode a value for a topic.

        Args:
            topic: the value's topic; its name decides the subject.
            schema: the name of the value's schema in ``schemas/``, such as ``alert``.
            value: every field of the schema, timestamps in milliseconds since the epoch.

        Raises:
            RegistryUnavailable: the topic's schema id is not known yet and the registry does not answer.
            RegistryRefused: the registry refuses the credentials or the schema.
            ValueError: a field is missing, is unknown or has a value outside its type.
        """
        serializer = self._serializers.get(topic)
        if serializer is None:
            registry_schema = _registry_schema(schema)
            self._codecs[topic] = SingleObjectCodec.of(schema)
            await self._ensure_registered(_subject(topic), registry_schema)
            serializer = await AsyncAvroSerializer(
                self._client,
                registry_schema,
                conf={
                    "auto.register.schemas": False,
                    "subject.name.strategy.type": "TOPIC",
                    "validate.strict": True,
                },
            )
        with translated(_subject(topic)):
            written_value = self._codecs[topic].as_written(value)
            encoded: bytes = await serializer(written_value, SerializationContext(topic, MessageField.VALUE))
        self._serializers[topic] = serializer
        return encoded

    async def _ensure_registered(self, subject: str, schema: Schema) -> None:
        """Load the schema's id into the client's cache, where the serializer finds it without a request."""
        with asking(subject):
            if await self._known(subject, schema):
                return
            await self._client.register_schema(subject, schema)
            if not await self._known(subject, schema):
                raise RegistryUnavailable(f"schema registry does not show {subject} yet, which it has just registered")

    async def _known(self, subject: str, schema: Schema) -> bool:
        try:
            registered = await self._client.lookup_schema(subject, schema)
        except SchemaRegistryError as error:
            return _not_found(error)
        if not isinstance(registered.schema_id, int):
            await self._client.clear_caches()  # it would keep the answer
        return _has_id(registered)

    async def aclose(self) -> None:
        """Close the connection to the registry."""
        await self._client.aclose()


async def value_serializer(settings: RegistrySettings) -> ValueSerializer:
    """Return the serializer of values; it makes its first request for its first value.

    Raises:
        RegistryMisconfigured: as ``check_files``.
    """
    return ValueSerializer(AsyncSchemaRegistryClient(client_settings(settings)))


def schema_lookup(settings: RegistrySettings) -> SchemaLookup:
    """Return the lookup of schemas by id; it asks the registry once per id.

    Raises:
        RegistryMisconfigured: as ``check_files``.
        RegistryUnavailable, RegistryRefused: raised by the lookup if the registry does not answer, or refuses.
    """
    conf = client_settings(settings)

    @cache
    def lookup(schema_id: int) -> str:
        # One client per schema, closed again: there are few schemas, and so the lookup need not be closed.
        with SchemaRegistryClient(conf) as client, asking(f"schema id {schema_id}"):
            return _text(client.get_schema(schema_id).schema_str)

    return lookup


def apply_schemas(settings: RegistrySettings, topics: Mapping[str, str]) -> list[str]:
    """Register the schemas that this release writes, and set their subjects to FULL_TRANSITIVE.

    Args:
        settings: the registry's address and credentials.
        topics: topic name to the name of its schema in ``schemas/``, such as ``alert``.

    Returns:
        One sentence per change; empty if nothing had to be changed, as after a first call.

    Raises:
        RegistryUnavailable: the registry does not answer.
        RegistryRefused: the registry refuses the credentials, or the schema is incompatible with the subject's.
        RegistryMisconfigured: as ``check_files``.
    """
    changes = []
    with SchemaRegistryClient(client_settings(settings)) as client:
        for topic, name in topics.items():
            subject = _subject(topic)
            with asking(subject):
                steps = (_set_level, _register) if _is_there(client, subject) else (_register, _set_level)
                changes += [change for step in steps for change in step(client, subject, name)]
    return changes


def check_schemas(settings: RegistrySettings, topics: Mapping[str, str]) -> list[str]:
    """Return what ``apply_schemas`` would change, one sentence each; same arguments and errors."""
    problems = []
    with SchemaRegistryClient(client_settings(settings)) as client:
        for topic, name in topics.items():
            subject = _subject(topic)
            with asking(subject):
                level = _compatibility(client, subject)
                if level != COMPATIBILITY:
                    problems.append(f"subject {subject}: compatibility is {level or 'not set'}, not {COMPATIBILITY}")
                if not _is_registered(client, subject, name):
                    problems.append(
                        f"subject {subject}: schema {written(name)['name']} of this version is not registered"
                    )
    return problems


def _subject(topic: str) -> str:
    return f"{topic}-value"


def _registry_schema(name: str) -> Schema:
    return Schema(json.dumps(written(name)), "AVRO")


def _register(client: SchemaRegistryClient, subject: str, name: str) -> list[str]:
    if _is_registered(client, subject, name):
        return []
    client.register_schema(subject, _registry_schema(name))
    return [f"subject {subject}: schema {written(name)['name']} registered"]


def _set_level(client: SchemaRegistryClient, subject: str, _name: str) -> list[str]:
    if _compatibility(client, subject) == COMPATIBILITY:
        return []
    client.set_compatibility(subject, COMPATIBILITY)
    return [f"subject {subject}: compatibility set to {COMPATIBILITY}"]


def _is_there(client: SchemaRegistryClient, subject: str) -> bool:
    """Whether the subject has any schema."""
    try:
        return bool(client.get_versions(subject))
    except SchemaRegistryError as error:
        return _not_found(error)


def _compatibility(client: SchemaRegistryClient, subject: str) -> str | None:
    try:
        return _text(client.get_compatibility(subject))
    except SchemaRegistryError as error:
        _not_found(error)
        return None


def _is_registered(client: SchemaRegistryClient, subject: str, name: str) -> bool:
    try:
        return _has_id(client.lookup_schema(subject, _registry_schema(name)))
    except SchemaRegistryError as error:
        return _not_found(error)


def _not_found(error: SchemaRegistryError) -> bool:
    """Return false if the registry answered 404; raise every other error again."""
    if error.http_status_code != HTTPStatus.NOT_FOUND:
        raise error
    return False


def _has_id(registered: RegisteredSchema) -> bool:
    """Return true; an answer without an id did not come from a registry."""
    if not isinstance(registered.schema_id, int):
        raise TypeError("the schema id is missing")
    return True


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a value is not text")
    return value
