"""A small schema registry over HTTP for tests, which enforces compatibility like a real one.

It has the part of Confluent's API (https://docs.confluent.io/platform/current/schema-registry/develop/api.html) that
confluent-kafka's Avro serializers and ``topics apply`` use. Compatibility is decided by the ``avro`` package, which the
code under test does not use. A test may stop and start it, require credentials, forbid writing, and let a proxy answer
in its place.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

LEVELS = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")


def reads(reader: str, writer: str) -> bool:
    """Whether data written with one schema (JSON text) can be read with the other, by the Avro specification."""
    checked = ReaderWriterCompatibilityChecker().get_compatibility(avro.schema.parse(reader), avro.schema.parse(writer))
    return checked.compatibility is SchemaCompatibilityType.compatible


class Refusal(Exception):  # noqa: N818  an answer, not an error
    """An answer other than 200: HTTP status, the registry's own error code and message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """A proxy's answer in the registry's place; ``cut`` announces one byte more than it sends."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


class Subjects:
    """The content of a registry: subjects with their versions and levels.

    A schema has one id in all subjects, as in Confluent's registry, or with ``ids_by_subject`` one per subject, as
    elsewhere. A subject's level may be set at any time, as in Confluent's registry, or with ``level_needs_schema`` only
    once it has a schema.
    """

    def __init__(self) -> None:
        self.ids_by_subject = False
        self.level_needs_schema = False
        self.level = "BACKWARD"
        self.levels: dict[str, str] = {}
        self.schemas: dict[int, str] = {}
        self.versions: dict[str, list[int]] = {}

    def register(self, subject: str, schema: str) -> int:
        """Return the schema's id; 409 if it is not compatible by the subject's level."""
        schema = self._canonical(schema)
        known = self._known(subject, schema)
        if known is not None:
            return known
        if not self.compatible(subject, schema):
            raise Refusal(409, 409, "Schema being registered is incompatible with an earlier schema for the subject")
        schema_id = len(self.schemas) + 1
        if not self.ids_by_subject:
            schema_id = next((i for i, kept in self.schemas.items() if kept == schema), schema_id)
        self.schemas[schema_id] = schema
        self.versions.setdefault(subject, []).append(schema_id)
        return schema_id

    def lookup(self, subject: str, schema: str) -> dict[str, Any]:
        """Return the subject's version with this schema; 404 if there is none."""
        if subject not in self.versions:
            raise Refusal(404, 40401, f"Subject '{subject}' not found.")
        schema = self._canonical(schema)
        schema_id = self._known(subject, schema)
        if schema_id is None:
            raise Refusal(404, 40403, "Schema not found")
        return {
            "subject": subject,
            "id": schema_id,
            "version": self.versions[subject].index(schema_id) + 1,
            "schema": schema,
        }

    def compatible(self, subject: str, schema: str) -> bool:
        """Return whether the subject's level allows this schema as its next version."""
        level = self.levels.get(subject, self.level)
        earlier = [self.schemas[schema_id] for schema_id in self.versions.get(subject, [])]
        checked = earlier if level.endswith("TRANSITIVE") else earlier[-1:]
        backward = level.startswith(("BACKWARD", "FULL"))
        forward = level.startswith(("FORWARD", "FULL"))
        return all(
            (not backward or reads(reader=schema, writer=old)) and (not forward or reads(reader=old, writer=schema))
            for old in checked
        )

    def set_level(self, subject: str | None, level: str) -> None:
        """Set a subject's level, or the default level."""
        if level not in LEVELS:
            raise Refusal(422, 42203, "Invalid compatibility level")
        if subject is None:
            self.level = level
        elif self.level_needs_schema and subject not in self.versions:
            raise Refusal(404, 40401, f"Subject '{subject}' not found.")
        else:
            self.levels[subject] = level

    def _known(self, subject: str, schema: str) -> int | None:
        return next((i for i in self.versions.get(subject, []) if self.schemas[i] == schema), None)

    def _canonical(self, schema: str) -> str:
        try:
            avro.schema.parse(schema)
        except (avro.errors.AvroException, ValueError) as error:
            raise Refusal(422, 42201, f"Invalid schema: {error}") from error
        return json.dumps(json.loads(schema))


class RegistryServer:
    """The registry on a free port of 127.0.0.1.

    Attributes:
        url: its address.
        subjects: its content, which outages do not change.
        auth: ``user:password`` that every request must have; ``None`` for no credentials.
        read_only: whether registering and configuring are forbidden to the credentials.
        down: while true, connections are closed without an answer.
        status: while set, the HTTP status of every answer.
        odd: while set, every answer.
        requests: method and path of each request that was answered.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.subjects = Subjects()
        self.auth: str | None = None
        self.read_only = False
        self.down = False
        self.status: int | None = None
        self.odd: OddAnswer | None = None
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # so that the close waits for the last answer
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[RegistryServer]:
        """Answer requests until the end of the block."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def answer(self, method: str, path: str, authorization: str | None, body: dict[str, Any]) -> Any:
        """Return the JSON answer to one request; raise ``Refusal`` for any status except 200."""
        if self.status is not None:
            raise Refusal(self.status, self.status * 100 + 1, "as the test wants it")
        expected = self.auth and f"Basic {base64.b64encode(self.auth.encode()).decode()}"
        if expected and authorization != expected:
            raise Refusal(401, 40101, "User cannot be authenticated")
        address = urlsplit(path)
        parts = [unquote(part) for part in address.path.strip("/").split("/")]
        with self._lock:
            self.requests.append((method, address.path))
            if self.read_only and (method == "PUT" or (method == "POST" and parts[-1] == "versions")):
                raise Refusal(403, 40301, "User is denied operation Write")
            return self._route(method, parts, body)

    def _route(self, method: str, parts: list[str], body: dict[str, Any]) -> Any:
        found: Any = None
        match [method, *parts]:
            case ["GET", "subjects"]:
                found = sorted(self.subjects.versions)
            case ["POST", "subjects", subject]:
                found = self.subjects.lookup(subject, body["schema"])
            case ["POST", "subjects", subject, "versions"]:
                found = {"id": self.subjects.register(subject, body["schema"])}
            case ["GET", "subjects", subject, "versions"] if subject in self.subjects.versions:
                found = list(range(1, len(self.subjects.versions[subject]) + 1))
            case ["GET", "schemas", "ids", schema_id] if int(schema_id) in self.subjects.schemas:
                found = {"schema": self.subjects.schemas[int(schema_id)]}
            case ["GET", "config", subject] if subject in self.subjects.levels:
                found = {"compatibilityLevel": self.subjects.levels[subject]}
            case ["GET", "config"]:
                found = {"compatibilityLevel": self.subjects.level}
            case ["PUT", "config", *subject]:
                self.subjects.set_level(subject[0] if subject else None, body["compatibility"])
                found = body
        if found is None:
            raise Refusal(404, 40401, "not found")
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            # HTTP/1.0, one request per connection: so an outage affects every later request.
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else {}
                if registry.down:
                    return
                if registry.odd is not None:
                    self._pass_on(registry.odd)
                    return
                try:
                    status = 200
                    answer = registry.answer(self.command, self.path, self.headers.get("Authorization"), body)
                except Refusal as refusal:
                    status = refusal.status
                    answer = {"error_code": refusal.code, "message": str(refusal)}
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def _pass_on(self, odd: OddAnswer) -> None:
                self.send_response(odd.status)
                self.send_header("Content-Length", str(len(odd.body) + odd.cut))
                for name, value in odd.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(odd.body)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815  http.server calls them by these names

            def log_message(self, *_args: object) -> None:
                """Print nothing: ``requests`` has the requests."""

        return Handler
