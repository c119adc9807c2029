"""The alert encoder waits for a registry that does not answer, and does not repeat a request that was refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import tenacity

from streams.settings import Settings
from streams.wire import alert as codec
from streams.wire.confluent import registry as wire_registry
from streams.wire.confluent.registry import RegistryRefused
from streams.worker.agents.published.encoder import encoder_for
from streams.worker.monitoring.counters import Metrics

if TYPE_CHECKING:
    from registry_server import RegistryServer

ALERT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "wire/samples/alert.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    monkeypatch.setattr(tenacity, "wait_exponential", lambda **_: tenacity.wait_none())


def encoded(settings: Settings, metrics: Metrics) -> bytes:
    """The alert's bytes for the alert topic."""

    async def encode() -> bytes:
        return await encoder_for(settings, metrics).encode("rootwatch.alerts", ALERT)

    return asyncio.run(encode())


def test_without_a_registry() -> None:
    """Without a registry an alert is in single-object encoding."""
    assert codec.decode(encoded(Settings.model_validate({}), Metrics())) == ALERT


def test_waits_for_a_registry(registry: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert waits while the registry does not answer; each wait is logged and counted."""
    metrics = Metrics()
    attempts = 0
    make = wire_registry.value_serializer

    async def flaky(settings: Any) -> Any:
        nonlocal attempts
        attempts += 1
        registry.down = attempts < 3
        return await make(settings)

    class Serializer:
        """Created for each attempt, so that the registry can come back between two attempts."""

        async def __call__(self, topic: str, schema: str, alert: Any) -> Any:
            serializer = await flaky(settings)
            try:
                return await serializer(topic, schema, alert)
            finally:
                await serializer.aclose()

    async def serializer_of(_settings: Any) -> Serializer:
        return Serializer()

    monkeypatch.setattr(wire_registry, "value_serializer", serializer_of)
    settings = Settings.model_validate({"schema_registry_url": registry.url})
    with structlog.testing.capture_logs() as log:
        value = encoded(settings, metrics)
    assert value[:1] == b"\0"
    assert [entry["event"] for entry in log] == ["registry.unavailable"] * 2
    assert metrics.registry.get_sample_value("rootwatch_registry_waits_total") == 2


def test_a_refusal_is_final(registry: RegistryServer) -> None:
    """A registry that has refused is not asked again."""
    registry.auth = "somebody:else"
    settings = Settings.model_validate({"schema_registry_url": registry.url})
    with pytest.raises(RegistryRefused, match="401"):
        encoded(settings, Metrics())
