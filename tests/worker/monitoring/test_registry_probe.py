"""The registry probe knows the state of the schema registry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from streams.settings import Settings
from streams.topics.catalogue import value_schemas
from streams.wire.confluent.registry import apply_schemas
from streams.worker.monitoring.registry_probe import RegistryProbe

if TYPE_CHECKING:
    from registry_server import RegistryServer


def asked(settings: Settings) -> dict[str, Any] | None:
    """The probe's description after its first question."""

    async def ask() -> dict[str, Any] | None:
        async with RegistryProbe(settings) as probe:
            while settings.schema_registry_url is not None and probe.reachable is None:  # noqa: ASYNC110  no event to await
                await asyncio.sleep(0.01)
            return probe.describe()

    return asyncio.run(ask())


def test_no_registry_is_no_problem() -> None:
    """Without a registry in the settings the description is null."""
    assert asked(Settings()) is None


def test_a_registry_with_the_schemas_is_reachable(registry: RegistryServer) -> None:
    """A registry with the alert schema, as `topics apply` leaves it, is reachable and has no problem."""
    settings = Settings(schema_registry_url=registry.url)
    apply_schemas(settings, value_schemas(settings))
    assert asked(settings) == {"reachable": True, "problem": None}


def test_a_missing_schema_is_a_problem(registry: RegistryServer) -> None:
    """A registry without the alert schema is a problem, because alerts cannot be encoded; it names the subject."""
    said = asked(Settings(schema_registry_url=registry.url))
    assert said is not None
    assert said["reachable"] is False
    assert "rootwatch.alerts-value" in said["problem"]


def test_a_registry_that_is_away_is_a_problem() -> None:
    """If nothing listens at the registry's address, it is not reachable, and the problem says why."""
    said = asked(Settings(schema_registry_url="http://127.0.0.1:9"))
    assert said is not None
    assert said["reachable"] is False
    assert "unreachable" in said["problem"]
