"""Encodes alerts, activity and summaries: in Confluent's wire format, or single-object encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import structlog
import tenacity

from streams.topics.catalogue import value_schemas
from streams.wire import spliced_alert
from streams.wire.confluent import registry
from streams.wire.single_object import SingleObjectCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.detection.alerting.alert import Alert
    from streams.settings import Settings
    from streams.wire.confluent.registry import ValueSerializer
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)


class Encoder(Protocol):
    """Turns what other teams read into the value of its Kafka record."""

    async def encode(self, topic: str, value: Mapping[str, Any]) -> bytes:
        """Return the bytes of a value, which has every field of the topic's schema."""

    async def encode_alert(
        self, topic: str, alert: Alert, detected_at: int | None, geo: Mapping[str, Any] | None
    ) -> bytes:
        """Return the bytes of an alert; ``Alert.fields`` describes the last arguments."""


class SingleObjectEncoder:
    """Avro single-object encoding; needs no registry."""

    def __init__(self, schemas: Mapping[str, str]) -> None:
        """Encode for these topics, each with the name of its schema."""
        self._codecs = {topic: SingleObjectCodec.of(schema) for topic, schema in schemas.items()}

    async def encode(self, topic: str, value: Mapping[str, Any]) -> bytes:
        """See ``Encoder``."""
        return self._codecs[topic].encode(value)

    async def encode_alert(
        self, topic: str, alert: Alert, detected_at: int | None, geo: Mapping[str, Any] | None
    ) -> bytes:
        """See ``Encoder``."""
        del topic  # the topics of alerts have the same schema
        return spliced_alert.encode(alert, detected_at, geo)


class RegistryEncoder:
    """Confluent's wire format; waits without limit for a registry that does not answer."""

    def __init__(self, settings: Settings, schemas: Mapping[str, str], metrics: Metrics) -> None:
        self._settings = settings
        self._schemas = schemas
        self._metrics = metrics
        self._serialize: ValueSerializer | None = None

    async def encode(self, topic: str, value: Mapping[str, Any]) -> bytes:
        """See ``Encoder``.

        Raises:
            RegistryRefused: the registry refuses the schema or the credentials.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(registry.RegistryUnavailable),
            wait=tenacity.wait_exponential(multiplier=0.5, max=10),
            before_sleep=self._waiting,
            reraise=True,
        )
        encoded: bytes = await retrying(self._once, topic, value)
        return encoded

    async def encode_alert(
        self, topic: str, alert: Alert, detected_at: int | None, geo: Mapping[str, Any] | None
    ) -> bytes:
        """See ``Encoder``; raises as ``encode``."""
        return await self.encode(topic, alert.fields(detected_at, geo))

    async def _once(self, topic: str, value: Mapping[str, Any]) -> bytes:
        if self._serialize is None:
            self._serialize = await registry.value_serializer(self._settings)
        return await self._serialize(topic, self._schemas[topic], value)

    def _waiting(self, state: tenacity.RetryCallState) -> None:
        self._metrics.waits.inc()
        log.warning(
            "registry.unavailable",
            url=self._settings.schema_registry_url,
            error=str(state.outcome.exception()) if state.outcome else None,
            attempt=state.attempt_number,
            consequence="alerts wait, nothing is committed",
        )


def encoder_for(settings: Settings, metrics: Metrics) -> Encoder:
    """Return the encoder for these settings."""
    schemas = value_schemas(settings)
    return RegistryEncoder(settings, schemas, metrics) if settings.schema_registry_url else SingleObjectEncoder(schemas)
