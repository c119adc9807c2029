"""What the worker says of itself over HTTP: ``/metrics``, ``/healthz`` and ``/readyz``. It only reads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from streams.worker.monitoring.view import WorkerView

log = structlog.get_logger(__name__)

# A consumer that has not asked for records for so long is stuck; it asks many times a second even of an idle topic. Not
# so with a batch in hand: once the agents' queues are full it waits until broker or registry have answered, which no
# restart would hasten.
POLL_SECONDS = 60.0


class HttpServer(Service):  # type: ignore[misc]
    """Serves while the worker runs, from before its tables are recovered."""

    def __init__(self, app: WorkerView, host: str, port: int, **kwargs: object) -> None:
        """Serve what ``app`` says, on ``host`` and ``port``."""
        self._app = app
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Listen. A port that is taken is an error in the log, not the end of the worker: detection comes first."""
        pages = web.Application()
        pages.add_routes(
            [web.get("/metrics", self._metrics), web.get("/healthz", self._healthz), web.get("/readyz", self._readyz)]
        )
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        host, port = self._host, self._port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as refused:
            log.error(  # noqa: TRY400  the reason is in the error; a traceback adds nothing
                "http.unavailable", host=host, port=port, error=str(refused), fix="set http_port to a free port"
            )
        else:
            log.info("http.listening", host=host, port=port)

    async def on_stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._app.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _healthz(self, _request: web.Request) -> web.Response:
        # That this answers at all shows that the event loop lives.
        app = self._app
        silent = time.monotonic() - app.last_poll
        healthy = app.failure is None and (silent < POLL_SECONDS or app.batches.in_hand)
        body = {"healthy": healthy, "seconds_since_poll": round(silent, 1), "batch_in_hand": app.batches.in_hand}
        return web.json_response(body, status=200 if healthy else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        app = self._app
        body = {
            "ready": app.ready,
            "partitions": len(app.consumer.assignment()) if app.ready else 0,
            "recovery_remaining": app.recovery_remaining()._asdict(),
            "baseline": app.baseline.describe(),
            # A registry that is away makes alerts wait, but nobody else would do better: it is said, not judged.
            "registry": app.registry_probe.describe(),
        }
        return web.json_response(body, status=200 if app.ready else 503)
