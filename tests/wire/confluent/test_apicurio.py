"""What a real registry does with the schemas of this release and of the next one, and behind a proxy."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from next_release import next_schema

from streams.wire.alert import read_alert
from streams.wire.confluent.registry import (
    RegistryRefused,
    RegistryUnavailable,
    apply_schemas,
    check_schemas,
    schema_lookup,
    value_serializer,
)
from streams.wire.schemas import newest, written

if TYPE_CHECKING:
    from apicurio_registry import GuardedRegistry

SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "alert.json").read_text(encoding="utf-8"))
PUBLISHED = ("alert", "activity", "session_summary")


@dataclass(frozen=True)
class Settings:
    schema_registry_url: str | None
    schema_registry_auth_file: Path | None = None
    ssl_ca: Path | None = None


@pytest.fixture
def topic() -> str:
    """Return a topic that no other test uses."""
    return f"rootwatch-test-{uuid.uuid4()}.values"


def serialize(settings: Settings, topic: str) -> bytes:
    """Return one alert's bytes from a new serializer."""

    async def once() -> bytes:
        serializer = await value_serializer(settings)
        try:
            return await serializer(topic, "alert", SAMPLE)
        finally:
            await serializer.aclose()

    return asyncio.run(once())


def schema_id(value: bytes) -> int:
    """The schema id of a value in Confluent's wire format."""
    return int.from_bytes(value[1:5], "big")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_next_release_is_compatible(real_registry: str, topic: str, name: str) -> None:
    """FULL_TRANSITIVE accepts a schema with one more optional field; this release's subject is still as it must be."""
    settings = Settings(real_registry)
    apply_schemas(settings, {topic: name})
    with SchemaRegistryClient({"url": real_registry}) as client:
        later = Schema(json.dumps(next_schema(name)), "AVRO")
        assert client.test_compatibility(f"{topic}-value", later)
        client.register_schema(f"{topic}-value", later)
        assert client.get_versions(f"{topic}-value") == [1, 2]
    assert check_schemas(settings, {topic: name}) == []
    assert apply_schemas(settings, {topic: name}) == []


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("change", ["a field without default", "a field less", "another type"])
def test_what_a_reader_could_not_read_is_refused(real_registry: str, topic: str, name: str, change: str) -> None:
    """The level that ``topics apply`` sets refuses a schema that breaks a reader of the old or the new values."""
    apply_schemas(Settings(real_registry), {topic: name})
    first, *others = newest(name)["fields"]
    fields = {
        "a field without default": [first, *others, {"name": "noted", "type": "string"}],
        "a field less": others,
        "another type": [{**first, "type": "long"}, *others],
    }[change]
    with SchemaRegistryClient({"url": real_registry}) as client:
        breaking = Schema(json.dumps({**newest(name), "fields": fields}), "AVRO")
        assert not client.test_compatibility(f"{topic}-value", breaking)
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema(f"{topic}-value", breaking)
        assert refused.value.http_status_code == 409
        assert client.get_versions(f"{topic}-value") == [1]


def test_alerts_of_two_releases_beside_each_other(real_registry: str, topic: str) -> None:
    """Alerts of the next release are read without its new field, and this release goes on with its own schema."""
    settings = Settings(real_registry)
    apply_schemas(settings, {topic: "alert"})
    before = serialize(settings, topic)
    with SchemaRegistryClient({"url": real_registry}) as client:
        serializer = AvroSerializer(client, json.dumps(next_schema("alert")))
        later = serializer({**SAMPLE, "noted": "later"}, SerializationContext(topic, MessageField.VALUE))
    assert schema_id(later) != schema_id(before)
    lookup = schema_lookup(settings)
    assert [read_alert(value, lookup) for value in (before, later)] == [SAMPLE, SAMPLE]
    assert serialize(settings, topic) == before


def test_the_registry_holds_the_shipped_schemas(real_registry: str, topic: str) -> None:
    """What a registry returns for an id is the schema as it ships, with its docs and logical types."""
    settings = Settings(real_registry)
    for name in PUBLISHED:
        apply_schemas(settings, {f"{topic}-{name}": name})
        with SchemaRegistryClient({"url": real_registry}) as client:
            found = client.get_latest_version(f"{topic}-{name}-value")
        assert json.loads(schema_lookup(settings)(found.schema_id)) == written(name)


def test_credentials(guarded_registry: GuardedRegistry, topic: str, tmp_path: Path) -> None:
    """With the credentials that the proxy wants all is done; with others or none the error names the file to check."""
    guarded_registry.auth = "rootwatch:se:cret"
    (tmp_path / "right").write_text("rootwatch:se:cret\n")
    (tmp_path / "wrong").write_text("rootwatch:guessed\n")
    settings = Settings(guarded_registry.url, tmp_path / "right")
    assert len(apply_schemas(settings, {topic: "alert"})) == 2
    value = serialize(settings, topic)
    assert read_alert(value, schema_lookup(settings)) == SAMPLE
    for other in (Settings(guarded_registry.url, tmp_path / "wrong"), Settings(guarded_registry.url)):
        attempts: list[Any] = [
            lambda asked=other: apply_schemas(asked, {topic: "alert"}),
            lambda asked=other: check_schemas(asked, {topic: "alert"}),
            lambda asked=other: serialize(asked, topic),
            lambda asked=other: schema_lookup(asked)(schema_id(value)),
        ]
        for attempt in attempts:
            with pytest.raises(RegistryRefused, match=r"HTTP 401\); check schema_registry_auth_file") as refused:
                attempt()
            assert "guessed" not in str(refused.value)


def test_credentials_that_may_only_read(guarded_registry: GuardedRegistry, topic: str) -> None:
    """They are enough for a worker after ``topics apply``; before it the error names that command."""
    guarded_registry.read_only = True
    settings = Settings(guarded_registry.url)
    with pytest.raises(RegistryRefused, match=f"{topic}-value.*HTTP 403.*rootwatch topics apply"):
        serialize(settings, topic)
    guarded_registry.read_only = False
    apply_schemas(settings, {topic: "alert"})
    guarded_registry.read_only = True
    assert read_alert(serialize(settings, topic), schema_lookup(settings)) == SAMPLE


def test_an_outage(guarded_registry: GuardedRegistry, topic: str) -> None:
    """A registry that is away is unavailable until the first id is known, and is not missed afterwards."""
    settings = Settings(guarded_registry.url)

    async def through_outages() -> list[bytes]:
        serializer = await value_serializer(settings)
        try:
            guarded_registry.shut()
            with pytest.raises(RegistryUnavailable, match=f"{topic}-value"):
                await serializer(topic, "alert", SAMPLE)
            guarded_registry.open()
            first = await serializer(topic, "alert", SAMPLE)
            guarded_registry.shut()
            return [first, await serializer(topic, "alert", SAMPLE)]
        finally:
            await serializer.aclose()

    first, second = asyncio.run(through_outages())
    assert first == second
    with pytest.raises(RegistryUnavailable):
        schema_lookup(settings)(schema_id(first))
    guarded_registry.open()
    assert read_alert(first, schema_lookup(settings)) == SAMPLE
