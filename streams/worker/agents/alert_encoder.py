"""Encodes alerts: in Confluent's wire format with a schema registry, otherwise in single-object encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import structlog
import tenacity

from streams.wire import alert as codec
from streams.wire import registry

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)


class AlertEncoder(Protocol):
    """Turns an alert into the value of its Kafka record."""

    async def encode(self, topic: str, alert: dict[str, Any]) -> bytes:
        """Return the alert's bytes for this topic."""


class SingleObjectEncoder:
    """Avro single-object encoding; needs no registry."""

    async def encode(self, _topic: str, alert: dict[str, Any]) -> bytes:
        """See ``AlertEncoder``."""
        return codec.encode(alert)


class RegistryEncoder:
    """Confluent's wire format; waits without limit for a registry that does not answer."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._serialize: Any = None

    async def encode(self, topic: str, alert: dict[str, Any]) -> bytes:
        """See ``AlertEncoder``.

        Raises:
            RegistryRefused: the registry refuses the schema or the credentials.
        """
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(registry.RegistryUnavailable),
            wait=tenacity.wait_exponential(multiplier=0.5, max=10),
            before_sleep=self._waiting,
            reraise=True,
        )
        encoded: bytes = await retrying(self._once, topic, alert)
        return encoded

    async def _once(self, topic: str, alert: dict[str, Any]) -> bytes:
        if self._serialize is None:
            self._serialize = await registry.alert_serializer(self._settings)
        encoded: bytes = await self._serialize(topic, alert)
        return encoded

    def _waiting(self, state: tenacity.RetryCallState) -> None:
        self._metrics.waits.inc()
        log.warning(
            "registry.unavailable",
            url=self._settings.schema_registry_url,
            error=str(state.outcome.exception()) if state.outcome else None,
            attempt=state.attempt_number,
            consequence="alerts wait, nothing is committed",
        )


def alert_encoder(settings: Settings, metrics: Metrics) -> AlertEncoder:
    """Return the encoder for these settings."""
    return RegistryEncoder(settings, metrics) if settings.schema_registry_url else SingleObjectEncoder()
