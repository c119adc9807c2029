"""The worker's HTTP server: ``/metrics``, ``/healthz`` and ``/readyz``. It only reads."""

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

# A consumer that has not asked for records for this long is stuck: it asks many times per second, even if a topic is
# idle. Exception: while a batch is in hand and the agents' queues are full, the consumer waits until broker or registry
# have answered. A restart would not make that faster.
POLL_SECONDS = 60.0


class HttpServer(Service):  # type: ignore[misc]
    """Serves while the worker runs, from before its tables are recovered."""

    def __init__(self, app: WorkerView, host: str, port: int, **kwargs: object) -> None:
        """Serve the state of ``app`` on ``host`` and ``port``."""
        self._app = app
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Listen. If the port is taken, log an error and go on: detection comes first."""
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
        # An answer at all shows that the event loop is alive.
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
            # Without the registry alerts wait, but another worker would wait too. So it does not change the status.
            "registry": app.registry_probe.describe(),
        }
        return web.json_response(body, status=200 if app.ready else 503)
