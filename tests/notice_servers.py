"""Small servers that take notices: of HTTP, as Slack, Teams, PagerDuty, Opsgenie and webhooks speak it, and of SMTP."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from aiosmtpd.controller import Controller
from ports import held_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    import pytest


@dataclass(frozen=True)
class Request:
    """What a service was asked."""

    host: str
    path: str
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.text)


@dataclass
class WebServer:
    """Remembers what it is asked. ``decide`` says the status; ``answers`` are statuses to give first, one each."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    accepted: list[Request] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    decide: Callable[[Request], int] = lambda _: 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"result": "ok", "requestId": "1"}'

    @property
    def url(self) -> str:
        """Apprise's URL of it as a webhook for JSON."""
        return f"json://127.0.0.1:{self.port}/hook"

    def answer(self, request: Request) -> int:
        """Note a request and give its status."""
        self.requests.append(request)
        status = self.answers.popleft() if self.answers else self.decide(request)
        if status < 300:
            self.accepted.append(request)
        return status


@contextmanager
def web_server(port: int = 0) -> Iterator[WebServer]:
    """A server on the loopback address, with this port or a free one."""
    served = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status = served.answer(Request(self.headers.get("X-Meant-For", ""), self.path, dict(self.headers), text))
            self.send_response(status)
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def do_GET(self) -> None:
            self.do_POST()  # what a redirect that is followed would ask

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def take_the_place_of_services(patch: pytest.MonkeyPatch, server: WebServer) -> None:
    """Let every request of this process to any host go to the server, which is told the host it was meant for."""
    send = requests.adapters.HTTPAdapter.send

    def to_server(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        meant = urlsplit(request.url)
        request.headers["X-Meant-For"] = meant.netloc
        query = f"?{meant.query}" if meant.query else ""
        request.url = f"http://127.0.0.1:{server.port}{meant.path}{query}"
        return send(self, request, *arguments, **options)

    patch.setattr(requests.adapters.HTTPAdapter, "send", to_server)


class MailServer:
    """Keeps the mails that it takes; ``refusals`` are the answers to give first, one each."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals: deque[str] = deque()
        self.port = 0

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        """Take a mail, or refuse it."""
        if self.refusals:
            return self.refusals.popleft()
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"

    @property
    def url(self) -> str:
        """Apprise's URL of it."""
        return f"mailto://127.0.0.1:{self.port}?from=rootwatch@example.com&to=soc@example.com&mode=insecure"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server on the loopback address."""
    server = MailServer()
    with held_port() as server.port:
        controller = Controller(server, hostname="127.0.0.1", port=server.port)
        controller.start()
        try:
            yield server
        finally:
            controller.stop()
