"""The worker's HTTP answers, by the worker's state, without a broker."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from ports import held_port
from prometheus_client import CollectorRegistry

from streams.worker.monitoring.http import POLL_SECONDS, HttpServer
from streams.worker.monitoring.view import Remaining


def worker(**state: Any) -> SimpleNamespace:
    """A worker that is ready and healthy, except for the given attributes."""
    usual = {
        "metrics": SimpleNamespace(registry=CollectorRegistry()),
        "failure": None,
        "ready": True,
        "last_poll": time.monotonic(),
        "batches": SimpleNamespace(in_hand=False),
        "recovery_remaining": lambda: Remaining(7, 0),
        "consumer": SimpleNamespace(assignment=lambda: {1, 2, 3}),
        "baseline": SimpleNamespace(describe=lambda: {"state": "live"}),
        "registry_probe": SimpleNamespace(describe=lambda: {"reachable": False, "problem": "away"}),
    }
    return SimpleNamespace(**{**usual, **state})


def ask(app: SimpleNamespace, path: str, method: str = "GET") -> tuple[int, Any]:
    """The status and the body, if it is JSON, of a request to this worker's server."""

    def request(port: int) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if "json" in answer.headers["Content-Type"] else body
        finally:
            connection.close()

    async def served(port: int) -> tuple[int, Any]:
        view: Any = app
        async with HttpServer(view, "127.0.0.1", port):
            return await asyncio.to_thread(request, port)

    with held_port() as port:
        return asyncio.run(served(port))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, 200),
        ({"ready": False}, 200),
        ({"last_poll": time.monotonic() - POLL_SECONDS - 1}, 503),
        ({"last_poll": time.monotonic() - POLL_SECONDS - 1, "batches": SimpleNamespace(in_hand=True)}, 200),
        ({"failure": RuntimeError(), "batches": SimpleNamespace(in_hand=True)}, 503),
    ],
    ids=["well", "recovering", "stuck", "waiting", "failed"],
)
def test_alive_is_who_polls_and_has_not_failed(state: dict[str, Any], status: int) -> None:
    """/healthz is 503 if the consumer has stopped asking for records, and if the worker has failed.

    It is 200 while a worker recovers, and while its queues are full because broker or registry do not answer.
    """
    answered, body = ask(worker(**state), "/healthz")
    assert (answered, body["healthy"]) == (status, status == 200)


def test_not_ready_says_what_is_missing() -> None:
    """/readyz is 503 before partitions are assigned and the table is recovered, and gives the progress."""
    status, body = ask(worker(ready=False), "/readyz")
    assert status == 503
    assert body == {
        "ready": False,
        "partitions": 0,
        "recovery_remaining": {"active": 7, "standby": 0},
        "baseline": {"state": "live"},
        "registry": {"reachable": False, "problem": "away"},
    }


def test_a_registry_that_is_away_is_said_and_not_judged() -> None:
    """/readyz stays 200 while the registry does not answer: the body says so."""
    status, body = ask(worker(), "/readyz")
    assert (status, body["ready"], body["partitions"], body["registry"]["reachable"]) == (200, True, 3, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_nothing_can_be_changed(path: str, method: str) -> None:
    """The server only reads: any other method gets 405."""
    assert ask(worker(), path, method)[0] == 405
