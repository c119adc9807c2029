"""Alerts through a schema registry: the tests' own, and a real one."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from ports import held_port
from registry_server import RegistryServer

from streams.wire.alert import read_alert
from streams.wire.confluent.registry import (
    RegistryMisconfigured,
    RegistryRefused,
    RegistryUnavailable,
    ValueSerializer,
    apply_schemas,
    check_schemas,
    schema_lookup,
    value_serializer,
)
from streams.wire.schemas import written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "alert.json").read_text(encoding="utf-8"))
INCOMPATIBLE = json.dumps(
    {
        "type": "record",
        "name": "Alert",
        "namespace": "rootwatch",
        "fields": [{"name": "alert_id", "type": "string"}, {"name": "ours", "type": "string"}],
    }
)


@dataclass(frozen=True)
class Settings:
    schema_registry_url: str | None
    schema_registry_auth_file: Path | None = None
    ssl_ca: Path | None = None


@pytest.fixture(params=["small", "real"])
def address(request: pytest.FixtureRequest) -> str:
    """A registry's address; both registries have the same tests."""
    if request.param == "real":
        return str(request.getfixturevalue("real_registry"))
    small: RegistryServer = request.getfixturevalue("registry")
    return small.url


@pytest.fixture
def topic() -> str:
    """Return a topic that no other test uses, because a real registry keeps subjects."""
    return f"rootwatch-test-{uuid.uuid4()}.alerts"


@asynccontextmanager
async def serializing(settings: Settings) -> AsyncIterator[ValueSerializer]:
    serializer = await value_serializer(settings)
    try:
        yield serializer
    finally:
        await serializer.aclose()


def serialize(settings: Settings, topic: str, alert: dict[str, Any] = SAMPLE) -> bytes:
    """Return one alert's bytes from a new serializer."""

    async def once() -> bytes:
        async with serializing(settings) as serializer:
            return await serializer(topic, "alert", alert)

    return asyncio.run(once())


def test_confluents_own_reader_agrees(address: str, topic: str) -> None:
    """After ``topics apply``, Confluent's deserializer and ours read what the worker writes (P4)."""
    settings = Settings(address)
    apply_schemas(settings, {topic: "alert"})
    value = serialize(settings, topic)
    assert value[0] == 0
    with SchemaRegistryClient({"url": address}) as client:
        read = AvroDeserializer(client)(value, SerializationContext(topic, MessageField.VALUE))
    assert read["alert_id"] == SAMPLE["alert_id"]
    assert read["event"]["time"].isoformat() == "2026-03-02T09:14:00+00:00"
    assert read_alert(value, schema_lookup(settings)) == SAMPLE


def test_apply_registers_and_sets_compatibility(address: str, topic: str) -> None:
    """``topics apply`` brings a subject to its schema and FULL_TRANSITIVE, and ``topics check`` then finds nothing."""
    settings = Settings(address)
    assert any("FULL_TRANSITIVE" in problem for problem in check_schemas(settings, {topic: "alert"}))
    assert any("not registered" in problem for problem in check_schemas(settings, {topic: "alert"}))
    changes = apply_schemas(settings, {topic: "alert"})
    assert len(changes) == 2
    assert all(f"{topic}-value" in change for change in changes)
    assert check_schemas(settings, {topic: "alert"}) == []
    assert apply_schemas(settings, {topic: "alert"}) == []


def test_subject_of_another_schema_is_refused(address: str, topic: str) -> None:
    """A subject with a schema that is incompatible with ours is refused by name; it is not changed."""
    with SchemaRegistryClient({"url": address}) as client:
        client.register_schema(f"{topic}-value", Schema(INCOMPATIBLE, "AVRO"))
    with pytest.raises(RegistryRefused, match=f"{topic}-value.*HTTP 409"):
        apply_schemas(Settings(address), {topic: "alert"})
    with pytest.raises(RegistryRefused, match=f"{topic}-value.*HTTP 409"):
        serialize(Settings(address), topic)


def test_a_level_that_needs_a_schema(registry: RegistryServer, topic: str) -> None:
    """If a subject's level is 404 before its first schema, apply still does both, once; check agrees."""
    registry.subjects.level_needs_schema = True
    settings = Settings(registry.url)
    assert len(check_schemas(settings, {topic: "alert"})) == 2
    assert len(apply_schemas(settings, {topic: "alert"})) == 2
    assert registry.subjects.levels == {f"{topic}-value": "FULL_TRANSITIVE"}
    assert check_schemas(settings, {topic: "alert"}) == []
    assert apply_schemas(settings, {topic: "alert"}) == []


@pytest.mark.parametrize("done", ["registered", "level"])
def test_half_of_it_is_done(registry: RegistryServer, topic: str, done: str) -> None:
    """After an interrupted apply, or a worker that registered the schema, apply does only the other half."""
    if done == "registered":
        serialize(Settings(registry.url), topic)
    else:
        registry.subjects.set_level(f"{topic}-value", "FULL_TRANSITIVE")
    assert len(apply_schemas(Settings(registry.url), {topic: "alert"})) == 1
    assert check_schemas(Settings(registry.url), {topic: "alert"}) == []


def test_an_incompatible_subject_is_left_alone_whatever_its_level(registry: RegistryServer, topic: str) -> None:
    """A level that allows any schema is raised before ours is registered, so that existing readers can read it."""
    subject = f"{topic}-value"
    registry.subjects.set_level(subject, "NONE")
    registry.subjects.register(subject, INCOMPATIBLE)
    with pytest.raises(RegistryRefused, match=f"{subject}.*HTTP 409"):
        apply_schemas(Settings(registry.url), {topic: "alert"})
    assert len(registry.subjects.versions[subject]) == 1


def test_worker_registers_where_nobody_did(address: str, topic: str) -> None:
    """A worker whose subject is missing registers the schema itself, so that no alert waits for ``topics apply``."""
    value = serialize(Settings(address), topic)
    assert read_alert(value, schema_lookup(Settings(address))) == SAMPLE


def test_worker_needs_no_right_to_write(registry: RegistryServer, topic: str) -> None:
    """After ``topics apply`` a worker with read rights only writes alerts: it looks up, and registers nothing."""
    apply_schemas(Settings(registry.url), {topic: "alert"})
    registry.read_only = True
    registry.requests.clear()
    serialize(Settings(registry.url), topic)
    assert registry.requests == [("POST", f"/subjects/{topic}-value")]


def test_worker_without_rights_says_what_fixes_it(registry: RegistryServer, topic: str) -> None:
    """If the subject is missing and registering is forbidden, the error names subject, refusal and command."""
    registry.read_only = True
    with pytest.raises(RegistryRefused, match=f"{topic}-value.*HTTP 403.*rootwatch topics apply"):
        serialize(Settings(registry.url), topic)


def test_each_subject_has_its_own_id(registry: RegistryServer) -> None:
    """Alerts and overflow through one serializer have their own subject's id, in any order of the topics (A3)."""
    registry.subjects.ids_by_subject = True
    settings = Settings(registry.url)
    apply_schemas(settings, {"alerts": "alert", "overflow": "alert"})

    async def alternate() -> list[bytes]:
        async with serializing(settings) as serializer:
            return [await serializer(name, "alert", SAMPLE) for name in ("alerts", "overflow", "alerts", "overflow")]

    ids = [int.from_bytes(value[1:5], "big") for value in asyncio.run(alternate())]
    assert ids == [1, 2, 1, 2]


def test_outage_before_the_first_alert_is_waited_out(registry: RegistryServer, topic: str) -> None:
    """A registry that does not answer is an error of its own, and the same serializer succeeds once it does."""

    async def through_an_outage() -> bytes:
        async with serializing(Settings(registry.url)) as serializer:
            registry.down = True
            with pytest.raises(RegistryUnavailable, match=f"{topic}-value"):
                await serializer(topic, "alert", SAMPLE)
            registry.down = False
            registry.status = 503
            with pytest.raises(RegistryUnavailable, match="HTTP 503"):
                await serializer(topic, "alert", SAMPLE)
            registry.status = None
            return await serializer(topic, "alert", SAMPLE)

    assert read_alert(asyncio.run(through_an_outage()), schema_lookup(Settings(registry.url))) == SAMPLE


def test_outage_after_the_first_alert_stops_nothing(registry: RegistryServer, topic: str) -> None:
    """Once a topic's schema id is known, alerts are written without the registry."""

    async def into_an_outage() -> tuple[bytes, bytes]:
        async with serializing(Settings(registry.url)) as serializer:
            before = await serializer(topic, "alert", SAMPLE)
            registry.down = True
            return before, await serializer(topic, "alert", SAMPLE)

    before, during = asyncio.run(into_an_outage())
    assert before == during


def test_nobody_listens(topic: str) -> None:
    """A registry that does not exist is unavailable, not refused, for every function."""
    with held_port() as port:
        settings = Settings(f"http://127.0.0.1:{port}")
        with pytest.raises(RegistryUnavailable):
            serialize(settings, topic)
        with pytest.raises(RegistryUnavailable):
            apply_schemas(settings, {topic: "alert"})
        with pytest.raises(RegistryUnavailable):
            check_schemas(settings, {topic: "alert"})
        with pytest.raises(RegistryUnavailable):
            schema_lookup(settings)(1)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_answers(registry: RegistryServer, topic: str, status: int) -> None:
    """An answer that a retry may change counts as unavailable."""
    registry.status = status
    with pytest.raises(RegistryUnavailable, match=f"HTTP {status}"):
        serialize(Settings(registry.url), topic)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 422])
def test_final_answers(registry: RegistryServer, topic: str, status: int) -> None:
    """An answer that a retry cannot change counts as refused."""
    registry.status = status
    with pytest.raises(RegistryRefused, match=f"HTTP {status}"):
        serialize(Settings(registry.url), topic)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_credentials_from_the_file(
    registry: RegistryServer, topic: str, tmp_path: Path, ending: str, mark: str
) -> None:
    """The auth file holds user:password, which may have colons; a final newline or byte order mark does not count."""
    registry.auth = "rootwatch:se:cret "
    auth = tmp_path / "auth"
    auth.write_text(mark + registry.auth + ending, encoding="utf-8")
    settings = Settings(registry.url, schema_registry_auth_file=auth)
    apply_schemas(settings, {topic: "alert"})
    assert serialize(settings, topic)[0] == 0


def test_rejected_credentials(registry: RegistryServer, topic: str, tmp_path: Path) -> None:
    """Rejected credentials are a refusal that shows neither user nor password."""
    registry.auth = "rootwatch:right"
    auth = tmp_path / "auth"
    auth.write_text("rootwatch:wrongpassword\n")
    with pytest.raises(RegistryRefused, match=r"HTTP 401\); check schema_registry_auth_file") as raised:
        serialize(Settings(registry.url, schema_registry_auth_file=auth), topic)
    assert "wrongpassword" not in str(raised.value)


@pytest.mark.parametrize(
    ("setting", "content", "said"),
    [
        ("schema_registry_auth_file", b"only-a-secret\n", "must hold user:password"),
        ("schema_registry_auth_file", b"\xe4only-a-secret:\xff", "cannot be read"),
        ("ssl_ca", b"only-a-secret", "no PEM file of certificates"),
    ],
    ids=["no colon", "not UTF-8", "no certificates"],
)
def test_files_of_no_use(topic: str, tmp_path: Path, setting: str, content: bytes, said: str) -> None:
    """An auth file or authorities of another form are an error that names setting and file, but not their content."""
    (tmp_path / "file").write_bytes(content)
    settings = Settings("http://127.0.0.1:1", **{setting: tmp_path / "file"})
    with pytest.raises(RegistryMisconfigured, match=f"^{setting} = {tmp_path}/file: {said}") as raised:
        apply_schemas(settings, {topic: "alert"})
    assert "only-a-secret" not in str(raised.value)


def test_own_authority(topic: str, tmp_path: Path) -> None:
    """With ``ssl_ca`` the registry's certificate is checked against it; without, it is not trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with RegistryServer(tls=context).running() as registry:
        trusted = Settings(registry.url, ssl_ca=tmp_path / "ca.pem")
        apply_schemas(trusted, {topic: "alert"})
        assert read_alert(serialize(trusted, topic), schema_lookup(trusted)) == SAMPLE
        with pytest.raises(RegistryUnavailable, match="certificate verify failed"):
            serialize(Settings(registry.url), topic)


def test_incomplete_alert_is_the_programmers_error(registry: RegistryServer, topic: str) -> None:
    """An alert without one of its fields is not written with a default, and is not an error of the registry."""
    with pytest.raises(ValueError, match="geo"):
        serialize(Settings(registry.url), topic, {name: SAMPLE[name] for name in SAMPLE if name != "geo"})


def test_registered_schema_is_the_shipped_one(registry: RegistryServer, topic: str) -> None:
    """Docs, defaults and logical types reach the registry: readers there see the whole contract (P2)."""
    apply_schemas(Settings(registry.url), {topic: "alert"})
    assert json.loads(schema_lookup(Settings(registry.url))(1)) == written("alert")


def test_schema_is_asked_for_once(registry: RegistryServer, topic: str) -> None:
    """Reading many alerts of one schema asks the registry for it once."""
    value = serialize(Settings(registry.url), topic)
    registry.requests.clear()
    lookup = schema_lookup(Settings(registry.url))
    for _ in range(3):
        read_alert(value, lookup)
    assert registry.requests == [("GET", "/schemas/ids/1")]
