"""A real Kafka Connect for tests: one standalone worker, whose connectors are set through its REST API."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maven import JavaToolError, dies_with_the_tests, fetch, java_command
from ports import held_port
from worker_process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOLDER = Path(__file__).parent / "connect"
_CLI = "org.apache.kafka.connect.cli.ConnectStandalone"
_ANSWER_SECONDS = 120  # only ends a test that would hang


@dataclass(frozen=True)
class Connect:
    """A running worker."""

    port: int

    def set(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector, or change it."""
        status, answer = self._ask("PUT", f"/connectors/{name}/config", config)
        assert status in {HTTPStatus.OK, HTTPStatus.CREATED}, answer

    def failures(self, name: str) -> list[str]:
        """The traces of the connector's failed tasks."""
        status, answer = self._ask("GET", f"/connectors/{name}/status")
        if status != HTTPStatus.OK:
            return []
        parts = [answer["connector"], *answer["tasks"]]
        return [part.get("trace", "") for part in parts if part["state"] == "FAILED"]

    def answers(self) -> bool:
        """Whether connectors can be set."""
        try:
            return self._ask("GET", "/connectors")[0] == HTTPStatus.OK
        except (OSError, HTTPException, ValueError):  # a page of HTML, while it starts
            return False

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


def connect_jars() -> Path:
    """The folder with the jars of Kafka Connect, its converters and its sink."""
    return fetch(_FOLDER, "Kafka Connect")


@contextmanager
def connect(bootstrap: str, folder: Path) -> Iterator[Connect]:
    """A worker without connectors until the end of the block; its files and its log are in ``folder``.

    Raises:
        JavaToolError: Java or Maven is missing, or the worker does not come up.
    """
    command = java_command("The tests run a real Kafka Connect. They need")
    jars = connect_jars()
    with held_port() as port, (folder / "connect.log").open("wb") as log:
        worker = {
            "bootstrap.servers": bootstrap,
            "listeners": f"http://127.0.0.1:{port}",
            "offset.storage.file.filename": str(folder / "offsets"),
            "offset.flush.interval.ms": "1000",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "plugin.discovery": "service_load",
        }
        properties = "".join(f"{name}={value}\n" for name, value in worker.items())
        (folder / "worker.properties").write_text(properties)
        options = ["-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
        process = subprocess.Popen(  # noqa: S603  the command is this module's own
            [*dies_with_the_tests(), command, *options, _CLI, "worker.properties"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            running = Connect(port)
            wait_for(lambda: process.poll() is not None or running.answers(), "Kafka Connect answers or has ended")
            if process.poll() is not None:
                words = (folder / "connect.log").read_text(errors="replace")[-4000:]
                raise JavaToolError(f"Kafka Connect ended with {process.returncode}; the end of its log:\n{words}")
            yield running
        finally:
            process.kill()
            process.wait()
