"""Answers of proxies instead of a registry: a worker waits or is refused, and never ends without a message."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import tenacity
from confluent_kafka.schema_registry.error import SchemaRegistryError
from hypothesis import given
from hypothesis import strategies as st
from registry_server import OddAnswer

from streams.commands.operate import doctor
from streams.settings import Settings
from streams.topics.catalogue import value_schemas
from streams.wire.alert import read_alert
from streams.wire.confluent import registry as wire_registry
from streams.wire.confluent.errors import asking
from streams.wire.confluent.registry import (
    RegistryMisconfigured,
    RegistryRefused,
    RegistryUnavailable,
    apply_schemas,
    check_schemas,
    schema_lookup,
    value_serializer,
)
from streams.worker.agents.published.encoder import encoder_for
from streams.worker.monitoring import registry_probe
from streams.worker.monitoring.counters import Metrics
from streams.worker.monitoring.registry_probe import RegistryProbe

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_server import RegistryServer

ALERT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "samples" / "alert.json").read_text(encoding="utf-8"))
PAGE = b"<!DOCTYPE html>\n<html><head><title>Error</title></head>" + b"<p>ray 8f2a</p>" * 1000 + b"</html>"
AUTHORITIES = ssl.create_default_context()
ELSEWHERE = (("Location", "http://127.0.0.1:9/login"),)

UNAVAILABLE = {
    **{f"{status}, a page": OddAnswer(status, PAGE) for status in (408, 425, 429, 499, 503, 520, 527, 561, 999)},
    "504, empty": OddAnswer(504),
    "520, a JSON list": OddAnswer(520, b"[]"),
    "520, JSON without a message": OddAnswer(520, b"{}"),
    "520, cut": OddAnswer(520, b'{"error_', cut=True),
    "200, a page": OddAnswer(200, PAGE),
    "200, empty": OddAnswer(200),
    "200, half a document": OddAnswer(200, b'{"id": '),
    "200, cut": OddAnswer(200, b'{"id": 1', cut=True),
    "200, not UTF-8": OddAnswer(200, b'"\xff\xfe"'),
    "200, a JSON list": OddAnswer(200, b"[1]"),
    "200, a JSON text": OddAnswer(200, b'"ok"'),
    "200, JSON null": OddAnswer(200, b"null"),
    "200, an empty object": OddAnswer(200, b"{}"),
    "200, of other types": OddAnswer(200, b'{"id": "one", "schema": 1, "compatibilityLevel": 2}'),
    "200, said to be gzip": OddAnswer(200, b"{}", (("Content-Encoding", "gzip"),)),
    "204": OddAnswer(204),
}
REFUSED = {
    "302": OddAnswer(302, PAGE, ELSEWHERE),
    "308": OddAnswer(308, b"", ELSEWHERE),
    "401, empty": OddAnswer(401),
    "403, a page": OddAnswer(403, PAGE),
    "460": OddAnswer(460),
}


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  what is looked at has no event to await
        await asyncio.sleep(0.01)


def table(answers: dict[str, OddAnswer]) -> Any:
    return pytest.mark.parametrize("odd", answers.values(), ids=answers)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once, wait for no broker, and read the authorities, which are not needed here, once."""
    monkeypatch.setattr(registry_probe, "_BETWEEN_SECONDS", 0.01)
    monkeypatch.setattr(tenacity, "wait_exponential", lambda **_: tenacity.wait_none())
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: AUTHORITIES)


@pytest.fixture
def configured(registry: RegistryServer, tmp_path: Path) -> Settings:
    """Settings with a registry after ``topics apply``."""
    settings = Settings(bootstrap_servers="127.0.0.1:9", schema_registry_url=registry.url, state_dir=tmp_path / "state")
    apply_schemas(settings, value_schemas(settings))
    return settings


def encoded(settings: Settings, registry: RegistryServer | None = None, odd: OddAnswer | None = None) -> bytes:
    """Return an alert's bytes from a new serializer, after an answer that it cannot use."""

    async def encode() -> bytes:
        serializer = await value_serializer(settings)
        try:
            if registry is not None:
                registry.odd = odd
                with pytest.raises(RegistryUnavailable):
                    await serializer("rootwatch.alerts", "alert", ALERT)
                registry.odd = None
            return await serializer("rootwatch.alerts", "alert", ALERT)
        finally:
            await serializer.aclose()

    return asyncio.run(encode())


@given(status=st.integers(100, 999))
def test_every_number_is_a_status(status: int) -> None:
    """For every possible status it is decided whether a retry may change it; none is unknown."""
    with pytest.raises((RegistryUnavailable, RegistryRefused)) as raised, asking("a subject"):
        raise SchemaRegistryError(status, -1, "")
    unavailable = status >= 500 or status in {408, 425, 429, 499}
    assert raised.type is (RegistryUnavailable if unavailable else RegistryRefused)


def asks(settings: Settings) -> dict[str, Callable[[], object]]:
    """Every function that makes requests to a registry, without the worker itself."""
    return {
        "topics apply": lambda: apply_schemas(settings, value_schemas(settings)),
        "topics check": lambda: check_schemas(settings, value_schemas(settings)),
        "a reader of alerts": lambda: schema_lookup(settings)(1),
        "the serializer": lambda: encoded(settings),
    }


@table(UNAVAILABLE)
def test_what_another_try_may_change_is_unavailable(
    configured: Settings, registry: RegistryServer, odd: OddAnswer
) -> None:
    """Statuses from 500 on, a few below, and answers of another form are unavailable, with a short message."""
    registry.odd = odd
    for name, ask in asks(configured).items():
        with pytest.raises(RegistryUnavailable) as raised:
            ask()
        assert len(str(raised.value)) < 500, name
        assert str(raised.value).isprintable(), name


@table(UNAVAILABLE)
def test_the_same_serializer_goes_on_afterwards(configured: Settings, registry: RegistryServer, odd: OddAnswer) -> None:
    """An alert is encoded as soon as the registry answers again: the odd answer is not kept."""
    value = encoded(configured, registry, odd)
    assert read_alert(value, schema_lookup(configured)) == ALERT


@table(REFUSED)
def test_what_will_stay_the_same_is_refused(configured: Settings, registry: RegistryServer, odd: OddAnswer) -> None:
    """Other statuses are refusals for every function, also numbers that HTTP does not define, with a short message."""
    registry.odd = odd
    for name, ask in asks(configured).items():
        with pytest.raises(RegistryRefused, match=f"HTTP {odd.status}") as raised:
            ask()
        assert len(str(raised.value)) < 500, name
        assert ("schema_registry_url" in str(raised.value)) == (odd.status not in {401, 403})


@table(UNAVAILABLE | REFUSED)
def test_the_probe_survives(configured: Settings, registry: RegistryServer, odd: OddAnswer) -> None:
    """Every answer of the registry is an outcome of the probe in words; the probe continues, and sees the fix."""
    registry.odd = odd

    async def ask() -> None:
        async with RegistryProbe(configured) as probe:
            await until(lambda: probe.reachable is not None)
            assert probe.reachable is False
            assert probe.problem
            registry.odd = None
            await until(lambda: bool(probe.reachable))
            assert probe.problem is None

    asyncio.run(ask())


def test_the_probe_says_a_fault_of_its_own_once(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even an unexpected error is an outcome, and is logged once for any number of repeats."""
    asked = 0

    def fails(*_arguments: object) -> list[str]:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr(wire_registry, "check_schemas", fails)

    async def ask() -> None:
        async with RegistryProbe(configured) as probe:
            await until(lambda: asked >= 3)
            assert probe.describe() == {
                "reachable": False,
                "problem": "schema registry could not be asked: ZeroDivisionError('nobody thought of it')",
            }

    with structlog.testing.capture_logs() as log:
        asyncio.run(ask())
    assert [entry["event"] for entry in log] == ["registry.problem"]


@pytest.mark.parametrize("odd", [OddAnswer(499), OddAnswer(520, PAGE), OddAnswer(561), OddAnswer(200)])
def test_the_worker_keeps_its_alert_waiting(configured: Settings, registry: RegistryServer, odd: OddAnswer) -> None:
    """The worker's encoder tries until the registry is back; each wait is counted."""
    metrics = Metrics()
    registry.odd = odd

    async def encode() -> bytes:
        encoding = asyncio.create_task(encoder_for(configured, metrics).encode("rootwatch.alerts", ALERT))
        await until(lambda: (metrics.registry.get_sample_value("rootwatch_registry_waits_total") or 0) >= 3)
        registry.odd = None
        return await encoding

    assert read_alert(asyncio.run(encode()), schema_lookup(configured)) == ALERT


@pytest.mark.parametrize("odd", [OddAnswer(520, PAGE), OddAnswer(302, b"", ELSEWHERE), OddAnswer(200, PAGE)])
def test_doctor_names_what_to_look_at(configured: Settings, registry: RegistryServer, odd: OddAnswer) -> None:
    """An odd answer is one failed line of doctor, with the settings to check."""
    registry.odd = odd
    (row,) = [row for row in doctor.examine(configured) if row.sentence.startswith("registry: ")]
    assert row.state == "wrong"
    assert "schema_registry_url" in row.sentence


def test_an_address_that_is_none(tmp_path: Path) -> None:
    """An address that the settings accept and the client refuses is named by its setting."""
    settings = Settings(schema_registry_url="http://registry\u200b.example:8081", state_dir=tmp_path)
    for ask in asks(settings).values():
        with pytest.raises((RegistryMisconfigured, RegistryUnavailable)):
            ask()
