"""Alerts in Confluent's wire format, by confluent-kafka's schema registry client and Avro serializer.

Decisions, each made once here:

- Subject names follow TopicName: the subject of topic ``t`` is ``t-value``. It is named outright, as the serializer's
  default would ask the registry for "associations" first.
- ``topics apply`` registers the schemas and sets each subject to FULL_TRANSITIVE. The worker only looks its schema up,
  so a worker's credentials need no right to write. Where the lookup finds nothing (nobody ran ``topics apply``), the
  worker registers the schema itself if it may; a registry that forbids this is named with the command that mends it.
- One serializer a topic: a serializer keeps only the last schema id it learned, and a registry may give the same
  schema another id in another subject.
- The client neither retries nor waits: each request is made once, with a timeout. Whoever calls decides how long to
  wait for a registry that is down (``RegistryUnavailable``) and stops for one that says no (``RegistryRefused``).
- Once a topic's schema id is known, no request is made for it: an outage after the first alert stops nothing.
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import httpx2
from confluent_kafka.schema_registry import AsyncSchemaRegistryClient, Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AsyncAvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from streams.operator_error import OperatorError
from streams.wire.schemas import newest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from streams.wire.alert import SchemaLookup

COMPATIBILITY = "FULL_TRANSITIVE"
_TIMEOUT_SECONDS = 10
# Answers that another try may change: the registry is starting, electing a leader or too busy.
_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class RegistryUnavailable(OperatorError):  # noqa: N818  named for the state that the caller waits out
    """The registry does not answer, or cannot for now; the same request may succeed later."""


class RegistryRefused(OperatorError):  # noqa: N818  as above
    """The registry answered and refused: credentials, a missing right, or an incompatible schema."""


class RegistryMisconfigured(OperatorError):  # noqa: N818  as above
    """A file that the registry's settings name is of no use; the message names setting and file."""

    exit_code = 2


class RegistrySettings(Protocol):
    """What of the settings concerns the registry; ``streams.settings.Settings`` has these."""

    @property
    def schema_registry_url(self) -> str | None:
        """One address, or several separated by commas."""

    @property
    def schema_registry_auth_file(self) -> Path | None:
        """A file that holds ``user:password``; a final newline is no part of it."""

    @property
    def ssl_ca(self) -> Path | None:
        """The authorities that certificates are checked against (PEM)."""


class AlertSerializer:
    """Turns alerts into Confluent's wire format; belongs to the event loop that first calls it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._schema = _registry_schema("alert")
        self._serializers: dict[str, Any] = {}

    async def __call__(self, topic: str, alert: Mapping[str, Any]) -> bytes:
        """Encodes an alert for a topic.

        Args:
            topic: the topic it goes to; its name decides the subject.
            alert: every field of ``schemas/alert.avsc``, timestamps as milliseconds.

        Raises:
            RegistryUnavailable: the topic's schema id is not known yet and the registry does not answer.
            RegistryRefused: the registry refuses the credentials or the schema.
            ValueError: a field is missing, is unknown or has a value outside its type.
        """
        serializer = self._serializers.get(topic)
        if serializer is None:
            with _translated(_subject(topic)):
                await self._ensure_registered(_subject(topic))
                serializer = await AsyncAvroSerializer(
                    self._client,
                    self._schema,
                    conf={
                        "auto.register.schemas": False,
                        "subject.name.strategy.type": "TOPIC",
                        "validate.strict": True,
                    },
                )
        with _translated(_subject(topic)):
            encoded: bytes = await serializer(alert, SerializationContext(topic, MessageField.VALUE))
        self._serializers[topic] = serializer
        return encoded

    async def _ensure_registered(self, subject: str) -> None:
        try:
            await self._client.lookup_schema(subject, self._schema)
        except SchemaRegistryError as error:
            if error.http_status_code != HTTPStatus.NOT_FOUND:
                raise
            await self._client.register_schema(subject, self._schema)

    async def aclose(self) -> None:
        """Closes the connection to the registry."""
        await self._client.aclose()


async def alert_serializer(settings: RegistrySettings) -> AlertSerializer:
    """The serializer of alerts; it makes its first request with its first alert.

    Raises:
        RegistryMisconfigured: as ``check_files``.
    """
    return AlertSerializer(AsyncSchemaRegistryClient(_client_settings(settings)))


def schema_lookup(settings: RegistrySettings) -> SchemaLookup:
    """Finds schemas by their id, asking for each once.

    Raises:
        RegistryMisconfigured: as ``check_files``.
        RegistryUnavailable, RegistryRefused: when it is called and the registry does not answer, or refuses.
    """
    conf = _client_settings(settings)

    @cache
    def lookup(schema_id: int) -> str:
        # A client for each schema, closed again: there are few schemas, and nobody has to close the lookup.
        with SchemaRegistryClient(conf) as client, _translated(f"schema id {schema_id}"):
            text: str = client.get_schema(schema_id).schema_str
        return text

    return lookup


def apply_schemas(settings: RegistrySettings, topics: Mapping[str, str]) -> list[str]:
    """Registers the newest schemas and sets their subjects to FULL_TRANSITIVE.

    Args:
        settings: where the registry is.
        topics: topic name to the name of its schema in ``schemas/``, such as ``alert``.

    Returns:
        What was changed, a sentence each; empty if all was well.

    Raises:
        RegistryUnavailable: the registry does not answer.
        RegistryRefused: the registry refuses the credentials, or the schema beside those that the subject has.
        RegistryMisconfigured: as ``check_files``.
    """
    changes = []
    with SchemaRegistryClient(_client_settings(settings)) as client:
        for topic, name in topics.items():
            subject = _subject(topic)
            with _translated(subject):
                if _compatibility(client, subject) != COMPATIBILITY:
                    client.set_compatibility(subject, COMPATIBILITY)
                    changes.append(f"subject {subject}: compatibility set to {COMPATIBILITY}")
                if not _is_registered(client, subject, name):
                    client.register_schema(subject, _registry_schema(name))
                    changes.append(f"subject {subject}: schema {newest(name)['name']} registered")
    return changes


def check_schemas(settings: RegistrySettings, topics: Mapping[str, str]) -> list[str]:
    """What ``apply_schemas`` would change, a sentence each; arguments and errors as there."""
    problems = []
    with SchemaRegistryClient(_client_settings(settings)) as client:
        for topic, name in topics.items():
            subject = _subject(topic)
            with _translated(subject):
                level = _compatibility(client, subject)
                if level != COMPATIBILITY:
                    problems.append(f"subject {subject}: compatibility is {level or 'not set'}, not {COMPATIBILITY}")
                if not _is_registered(client, subject, name):
                    problems.append(
                        f"subject {subject}: schema {newest(name)['name']} of this version is not registered"
                    )
    return problems


def check_files(settings: RegistrySettings) -> None:
    """Read the files that the registry's client needs; asks nobody.

    Raises:
        RegistryMisconfigured: the auth file or the authorities cannot be read or hold something else.
    """
    _client_settings(settings)


def _subject(topic: str) -> str:
    return f"{topic}-value"


def _registry_schema(name: str) -> Any:
    return Schema(json.dumps(newest(name)), "AVRO")


def _compatibility(client: Any, subject: str) -> str | None:
    try:
        level: str = client.get_compatibility(subject)
    except SchemaRegistryError as error:
        if error.http_status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
    return level


def _is_registered(client: Any, subject: str, name: str) -> bool:
    try:
        client.lookup_schema(subject, _registry_schema(name))
    except SchemaRegistryError as error:
        if error.http_status_code != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _client_settings(settings: RegistrySettings) -> dict[str, Any]:
    conf: dict[str, Any] = {
        "url": settings.schema_registry_url,
        "timeout": _TIMEOUT_SECONDS,
        "max.retries": 0,
    }
    if settings.schema_registry_auth_file is not None:
        conf["basic.auth.user.info"] = _auth(settings.schema_registry_auth_file)
    if settings.ssl_ca is not None:
        try:
            ssl.create_default_context(cafile=settings.ssl_ca)
        except OSError as error:  # an SSLError is one, too
            raise RegistryMisconfigured(f"ssl_ca = {settings.ssl_ca}: no PEM file of certificates: {error}") from error
        conf["ssl.ca.location"] = str(settings.ssl_ca)
    return conf


def _auth(path: Path) -> str:
    try:
        auth = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryMisconfigured(f"schema_registry_auth_file = {path}: cannot be read: {error}") from error
    if ":" not in auth:
        raise RegistryMisconfigured(f"schema_registry_auth_file = {path}: must hold user:password")
    return auth


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turns the client's errors about ``what`` (never the address, which may hold a password) into the two above."""
    try:
        yield
    except SchemaRegistryError as error:
        said = f"{what}: {error.error_message} (HTTP {error.http_status_code})"
        if error.http_status_code in _TRANSIENT:
            raise RegistryUnavailable(f"schema registry cannot answer for {said}") from error
        mend = {
            HTTPStatus.UNAUTHORIZED: "; see to schema_registry_auth_file",
            HTTPStatus.FORBIDDEN: "; `rootwatch topics apply` with sufficient rights registers it",
        }.get(HTTPStatus(error.http_status_code), "")
        raise RegistryRefused(f"schema registry refuses {said}{mend}") from error
    except httpx2.TransportError as error:
        raise RegistryUnavailable(f"schema registry unreachable for {what}: {error or type(error).__name__}") from error
    except json.JSONDecodeError as error:
        raise RegistryUnavailable(f"schema registry's answer for {what} is no JSON; is a proxy in between?") from error
