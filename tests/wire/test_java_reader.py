"""An independent reader in Java reads what this release writes, with Apache Avro and ``schemas/`` alone."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from kafka_connect import connect_jars
from maven import JavaToolError, compile_class, java_command

from streams.settings import Settings
from streams.wire.confluent.registry import schema_lookup, value_serializer
from streams.wire.schemas import newest
from streams.wire.single_object import SingleObjectCodec
from streams.wire.versions import written_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry_server import RegistryServer

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[1] / "schemas"
SUBJECTS = ("alert", "activity", "session_summary", "sighting")
PUBLISHED = SUBJECTS[:3]  # the others are never in Confluent's wire format
EXAMPLES = 40


@dataclass(frozen=True)
class Written:
    """A value's subject and bytes, and what this release decodes from them."""

    subject: str
    value: bytes
    decoded: dict[str, Any]


def generated(subject: str) -> list[dict[str, Any]]:
    """Many arbitrary values of a subject."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    @given(strategies.data(newest(subject)))
    def collect(value: dict[str, Any]) -> None:
        found.append(value)

    collect()
    return found


def read_by_java(folder: Path, written: Iterable[Written], ids: dict[int, str]) -> list[dict[str, Any]]:
    """What the Java reader makes of the values, in one run."""
    jars = connect_jars()
    classes = compile_class(HERE / "java" / "AvroReader.java", jars, folder)
    known = [f"{number}={subject}/{written_number(subject)}" for number, subject in ids.items()]
    lines = "".join(f"{one.subject}\t{base64.b64encode(one.value).decode()}\n" for one in written)
    done = subprocess.run(  # noqa: S603  the project's own program
        [java_command("This needs"), "-Xmx256m", "-cp", f"{jars}/*:{classes}", "AvroReader", str(SCHEMAS), *known],
        input=lines,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def with_registry(registry: RegistryServer, values: dict[str, list[dict[str, Any]]]) -> tuple[list[Written], dict]:
    """The values in Confluent's wire format, as a worker writes them, and the subject of each schema id."""
    configured = Settings(schema_registry_url=registry.url)

    async def serialize() -> list[tuple[str, bytes, dict[str, Any]]]:
        serializer = await value_serializer(configured)
        try:
            return [
                (subject, await serializer(subject, subject, value), value)
                for subject in PUBLISHED
                for value in values[subject]
            ]
        finally:
            await serializer.aclose()

    written = [Written(*one) for one in asyncio.run(serialize())]
    lookup = schema_lookup(configured)
    ids = {int.from_bytes(one.value[1:5], "big"): one.subject for one in written}
    assert {json.loads(lookup(number))["name"] for number in ids} == {newest(one)["name"] for one in PUBLISHED}
    return written, ids


def without_registry(values: dict[str, list[dict[str, Any]]]) -> list[Written]:
    """The values in single-object encoding."""
    codecs = {subject: SingleObjectCodec.of(subject) for subject in values}
    encoded = [(subject, codecs[subject].encode(value)) for subject in values for value in values[subject]]
    return [Written(subject, value, codecs[subject].decode(value)) for subject, value in encoded]


def test_java_reads_both_wire_formats(registry: RegistryServer, tmp_path: Path) -> None:
    """Each value that Java reads is the one that Python decodes: alerts, activity, summaries and sightings."""
    values = {subject: generated(subject) for subject in SUBJECTS}
    framed, ids = with_registry(registry, values)
    written = [*without_registry(values), *framed]
    assert {(one.subject, one.value[:1]) for one in written} == {
        *((subject, b"\xc3") for subject in SUBJECTS),
        *((subject, b"\x00") for subject in PUBLISHED),
    }
    try:
        read = read_by_java(tmp_path, written, ids)
    except JavaToolError as error:
        pytest.fail(str(error), pytrace=False)
    assert len(read) == len(written)
    for one, found in zip(written, read, strict=True):
        assert found == one.decoded, one.subject
