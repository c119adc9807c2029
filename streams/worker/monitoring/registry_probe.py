"""Regularly asks the schema registry whether it answers and has the alert schema, for ``/readyz`` and a metric."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from mode import Service

from streams.errors import OperatorError
from streams.topics.catalogue import value_schemas
from streams.wire.confluent import registry

if TYPE_CHECKING:
    from streams.settings import Settings

log = structlog.get_logger(__name__)

_BETWEEN_SECONDS = 30.0


class RegistryProbe(Service):  # type: ignore[misc]
    """A service of the worker. It does nothing if no registry is configured.

    Attributes:
        reachable: the last result; ``None`` before the first, and without a registry.
        problem: a sentence on why the registry is not reachable, or which schema is missing or wrong.
    """

    def __init__(self, settings: Settings, **kwargs: Any) -> None:
        self._settings = settings
        self.reachable: bool | None = None
        self.problem: str | None = None
        super().__init__(**kwargs)

    def describe(self) -> dict[str, Any] | None:
        """The state as ``/readyz`` shows it; ``None`` without a registry."""
        if self._settings.schema_registry_url is None:
            return None
        return {"reachable": self.reachable, "problem": self.problem}

    @Service.task  # type: ignore[untyped-decorator]
    async def _probe_regularly(self) -> None:
        while self._settings.schema_registry_url is not None and not self.should_stop:
            problem = await asyncio.to_thread(self._ask)
            if problem != self.problem:
                log.warning("registry.problem", problem=problem) if problem else log.info("registry.mended")
            self.reachable, self.problem = problem is None, problem
            await self.sleep(_BETWEEN_SECONDS)

    def _ask(self) -> str | None:
        """The problem as text. Whatever goes wrong here, the worker goes on."""
        try:
            problems = registry.check_schemas(self._settings, value_schemas(self._settings))
        except OperatorError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  a fault in the client or its settings; the probe only informs
            return f"schema registry could not be asked: {error!r}"
        return "; ".join(problems) or None
