"""A real schema registry for tests: Apicurio, in memory, and a proxy that stands before it.

The proxy is what an operator puts before a registry that has no users of its own: it asks for basic authentication and
forwards. It may also be shut, so that nothing listens at its address. What no registry does, such as half an answer, is
in ``registry_server.py``.
"""

from __future__ import annotations

import base64
import subprocess
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from maven import JavaToolError, dies_with_the_tests, fetch, java_command
from ports import HeldPort, held_port
from worker_process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = Path(__file__).parent / "apicurio"
_API = "/apis/ccompat/v7"
_ANSWER_SECONDS = 60  # only ends a test that would hang


@contextmanager
def apicurio(folder: Path) -> Iterator[str]:
    """The address of an empty registry that runs until the end of the block; its log is in ``folder``.

    Raises:
        JavaToolError: Java or Maven is missing, or the registry does not come up.
    """
    command = java_command("The registry tests run a real Apicurio Registry. They need")
    (jar,) = fetch(_FOLDER, "Apicurio Registry", unpacked=True).glob("*-runner.jar")
    with held_port() as port, (folder / "apicurio.log").open("wb") as log:
        where = ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}"]
        process = subprocess.Popen(  # noqa: S603  the command is this module's own
            [*dies_with_the_tests(), command, "-Xmx256m", "-XX:TieredStopAtLevel=1", *where, "-jar", str(jar)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: process.poll() is not None or _answers(port), "Apicurio answers or has ended")
            if process.poll() is not None:
                words = (folder / "apicurio.log").read_text(errors="replace")[-4000:]
                raise JavaToolError(f"Apicurio ended with {process.returncode}; the end of its log:\n{words}")
            yield f"http://127.0.0.1:{port}{_API}"
        finally:
            process.kill()
            process.wait()


class GuardedRegistry:
    """A reverse proxy on 127.0.0.1 before a registry.

    Attributes:
        auth: ``user:password`` that every request must have; ``None`` for no credentials.
        read_only: whether it forbids to register and to configure.
    """

    def __init__(self, registry: str) -> None:
        """Stand before the registry with this address; nothing listens until ``open``."""
        behind = urlsplit(registry)
        self._behind = (behind.hostname or "", behind.port or 0)
        self._port = HeldPort()
        self._serving: tuple[ThreadingHTTPServer, threading.Thread] | None = None
        self.auth: str | None = None
        self.read_only = False
        self.url = f"http://127.0.0.1:{self._port.number}{behind.path}"

    def open(self) -> None:
        """Listen."""
        server = ThreadingHTTPServer(("127.0.0.1", self._port.number), self._handler())
        server.daemon_threads = False  # so that the close waits for the last answer
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self._serving = server, thread

    def shut(self) -> None:
        """Listen no more, so that connections are refused; no error if it does not listen."""
        if self._serving is not None:
            server, thread = self._serving
            server.shutdown()
            thread.join()
            server.server_close()
            self._serving = None

    def abandon(self) -> None:
        """Shut it for good, and release its port."""
        self.shut()
        self._port.release()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """The answer to one request: status, content type and body."""
        if self.auth is not None and headers.get("Authorization") != _basic(self.auth):
            return HTTPStatus.UNAUTHORIZED, "text/html", b"<html><h1>401 Authorization Required</h1></html>"
        registers = method == "POST" and urlsplit(path).path.endswith("/versions")
        if self.read_only and (method == "PUT" or registers):
            return HTTPStatus.FORBIDDEN, "text/html", b"<html><h1>403 Forbidden</h1></html>"
        passed = {name: value for name, value in headers.items() if name in {"Content-Type", "Accept"}}
        connection = HTTPConnection(*self._behind, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, passed)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", "application/json"), answer.read()
        except (OSError, HTTPException) as error:
            return HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            # HTTP/1.0, one request per connection: so a shut proxy affects every later request.
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.title(): value for name, value in self.headers.items()}
                status, kind, answer = proxy.answer(self.command, self.path, headers, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  http.server calls them by these names

            def log_message(self, *_args: object) -> None:
                """Print nothing."""

        return Handler


@contextmanager
def guarded(registry: str) -> Iterator[GuardedRegistry]:
    """An open proxy before the registry, until the end of the block."""
    proxy = GuardedRegistry(registry)
    try:
        proxy.open()
        yield proxy
    finally:
        proxy.abandon()


def _basic(auth: str) -> str:
    return f"Basic {base64.b64encode(auth.encode()).decode()}"


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", f"{_API}/subjects")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
