"""``rootwatch health`` asks the worker at the address in its settings."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from ports import held_port
from replay_records import run

from streams.commands.operate import health
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from replay_records import Ran


@contextmanager
def answering(answers: dict[str, tuple[int, bytes]], host: str = "127.0.0.1") -> Iterator[int]:
    """An HTTP server with an answer per path, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, b"not found"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nothing is printed."""

    server = HTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def asked(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the command with a port and options."""

    def ask(port: int, *options: str) -> Ran:
        monkeypatch.setenv("ROOTWATCH_HTTP_PORT", str(port))
        return run(capsysbinary, monkeypatch, "health", *options)

    return ask


WELL = {"/healthz": (200, b'{"healthy": true, "seconds_since_poll": 0.1}'), "/readyz": (200, b'{"ready": true}')}
RECOVERING = WELL | {"/readyz": (503, b'{"ready": false, "recovery_remaining": {"active": 7}}')}
STUCK = {"/healthz": (503, b'{"healthy": false, "seconds_since_poll": 61.0}'), "/readyz": (200, b'{"ready": true}')}


@pytest.mark.parametrize(
    ("answers", "options", "code", "said"),
    [
        (WELL, (), 0, "seconds_since_poll"),
        (WELL, ("--ready",), 0, "ready"),
        (RECOVERING, (), 0, "healthy"),
        (RECOVERING, ("--ready",), 1, '"active": 7'),
        (STUCK, (), 1, '"seconds_since_poll": 61.0'),
        (STUCK, ("--ready",), 0, "ready"),
        ({}, (), 1, "something else than a worker answers (404)"),
        ({"/healthz": (200, b"<html>fine</html>")}, (), 1, "something else than a worker answers (200)"),
        ({"/healthz": (200, b'["healthy"]')}, (), 1, "something else than a worker answers (200)"),
        ({"/healthz": (200, b'{"healthy": "\x1b[2J"}')}, (), 1, "something else"),
    ],
)
def test_what_the_worker_says_decides(
    asked: Callable[..., Ran], answers: dict[str, tuple[int, bytes]], options: tuple[str, ...], code: int, said: str
) -> None:
    """Exit 0 if the worker says that it is healthy, else 1; one line has its answer, or says what answered instead."""
    with answering(answers) as port:
        ran = asked(port, *options)
    assert ran.code == code
    (line,) = ran.out.decode().splitlines()
    assert line.startswith("wrong\t" if code else "ok\t")
    assert said in line


def test_nobody_listens(asked: Callable[..., Ran]) -> None:
    """A worker that does not run is exit 1, and the line names the settings of the address."""
    with held_port() as port:
        ran = asked(port)
    assert ran.code == 1
    assert f"http://127.0.0.1:{port}/healthz: no answer (" in ran.out.decode()
    assert "http_port" in ran.out.decode()


def test_the_file_says_where(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Host and port come from the settings file, as for the worker."""
    monkeypatch.delenv("ROOTWATCH_HTTP_PORT", raising=False)
    with answering(WELL) as port:
        (tmp_path / "rootwatch.toml").write_text(f'http_host = "localhost"\nhttp_port = {port}\n')
        monkeypatch.chdir(tmp_path)
        ran = run(capsysbinary, monkeypatch, "health")
    assert ran.code == 0
    assert f"http://localhost:{port}/healthz" in ran.out.decode()


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "localhost"])  # noqa: S104  only asked
def test_a_worker_on_every_address_is_asked_on_the_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A worker on the wildcard address is asked on the loopback address, and never through a proxy."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answering(WELL) as port:
        well, _sentence = health.ask(Settings(http_host=host, http_port=port), "healthy")
    assert well


def test_addresses_of_version_6() -> None:
    """An IPv6 address is written in brackets; for its wildcard the loopback address is asked."""
    with held_port() as port:
        _well, sentence = health.ask(Settings(http_host="::", http_port=port), "ready")
    assert f"http://[::1]:{port}/readyz" in sentence
