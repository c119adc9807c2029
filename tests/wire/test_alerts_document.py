"""``docs/alerts.md`` agrees with the schema, and its programs run as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from streams.settings import Settings
from streams.topics.catalogue import value_schemas
from streams.wire import alert as wire
from streams.wire.confluent.registry import COMPATIBILITY
from streams.wire.schemas import newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_server import RegistryServer

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
SAMPLE = json.loads((Path(__file__).parent / "samples" / "alert.json").read_text(encoding="utf-8"))


def kind(schema: Any) -> str:
    """Return a field's type in words."""
    match schema:
        case ["null", other]:
            return f"{kind(other)} or null"
        case {"logicalType": "timestamp-millis"}:
            return "timestamp"
        case {"type": "array", "items": items}:
            return f"list of {kind(items)}s"
        case {"type": "record"}:
            return "record"
        case _:
            return str(schema)


def rows(schema: Any, path: str = "") -> Iterator[str]:
    """Return the table's rows for the fields of the record that the schema is or holds."""
    match schema:
        case ["null", other] | {"type": "array", "items": other}:
            yield from rows(other, path)
        case {"type": "record", "fields": fields}:
            for field in fields:
                name = f"{path}{field['name']}"
                yield f"| `{name}` | {kind(field['type'])} | {field['doc'].replace('|', '&#124;')} |"
                yield from rows(field["type"], f"{name}.")


def program(heading: str) -> str:
    """Return the Python block of a section."""
    section = DOCUMENT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found, heading
    return found[1]


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("## Fields", "alert"), ("### Fields of activity", "activity"), ("### Fields of a summary", "session_summary")],
)
def test_every_field_is_documented(heading: str, schema: str) -> None:
    """Each table of the document is its schema's fields, in order, each with its type and its ``doc``."""
    section = re.split(r"\n##+ ", DOCUMENT.split(f"\n{heading}\n")[1])[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == list(rows(newest(schema)))


def test_keeping_the_last_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S10: the document's program keeps the highest revision of a session, however summaries arrive."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(program("Sessions: activity and summaries"), names)  # noqa: S102  the project's own document
    for revision, severity in ((0, "low"), (2, "high"), (1, "medium"), (2, "high")):
        names["keep"]({"session_id": "s", "revision": revision, "severity": severity, "reason": "r"})
    kept = names["sessions"].execute("select * from session").fetchall()
    names["sessions"].close()
    assert kept == [("s", 2, "high", "r")]


def test_the_subjects_of_sessions_are_named() -> None:
    """The document names the registry's subject of each topic for readers."""
    for topic in value_schemas(Settings()):
        assert f"{topic}-value" in DOCUMENT or topic.endswith(".overflow")


def test_compatibility_is_the_one_that_is_set() -> None:
    """The promise in the document is the level that ``topics apply`` sets."""
    assert COMPATIBILITY in DOCUMENT


def test_reading_without_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's reader needs fastavro and the schemas only, and shows an alert of this version."""
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(program("Read without a registry"), names)  # noqa: S102  the project's own document
    read = names["read"](wire.encode(SAMPLE))
    assert read["alert_id"] == SAMPLE["alert_id"]
    assert read["event"]["time"].isoformat() == "2026-03-02T09:14:00+00:00"


class Paged(Exception):  # noqa: N818  ends the document's endless loop
    pass


def mock_broker() -> tuple[str, Producer]:
    """The address of a broker inside this process, and its producer, with which it ends."""
    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1})
    return ",".join(f"{b.host}:{b.port}" for b in producer.list_topics(timeout=60).brokers.values()), producer


def test_paging_each_alert_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: RegistryServer) -> None:
    """The document's consumer reads Confluent's format, pages a repeated alert once, and resumes at its position."""
    other = SAMPLE | {"alert_id": "00000000-0000-5000-8000-000000000000"}
    bootstrap, producer = mock_broker()
    registry.subjects.register("rootwatch.alerts-value", json.dumps(newest("alert")))
    for alert in (SAMPLE, SAMPLE, other):
        value = b"\x00\x00\x00\x00\x01" + wire.encode(alert)[10:]
        producer.produce("rootwatch.alerts", value, key=alert["alert_id"], partition=0)  # so that they stay in order
    producer.flush(60)

    paged = []

    def page(alert: dict[str, Any]) -> None:
        paged.append(alert["alert_id"])
        if alert["alert_id"] == other["alert_id"]:
            raise Paged

    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"page": page}
    text = program("Read with a registry") + program("Act on each alert once")
    text = text.replace("http://127.0.0.1:8081", registry.url).replace("127.0.0.1:9092", bootstrap)
    with pytest.raises(Paged):
        exec(text, names)  # noqa: S102  the project's own document
    names["consumer"].close()
    names["seen"].close()
    assert paged == [SAMPLE["alert_id"], other["alert_id"]]


def test_the_readmes_reader(
    registry: RegistryServer,
) -> None:
    """The README's short program prints an alert that was written with a registry."""
    bootstrap, producer = mock_broker()
    registry.subjects.register("rootwatch.alerts-value", json.dumps(newest("alert")))
    producer.produce("rootwatch.alerts", b"\x00\x00\x00\x00\x01" + wire.encode(SAMPLE)[10:], key=SAMPLE["alert_id"])
    producer.flush(60)
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    text = found[1].replace("http://127.0.0.1:8081", registry.url).replace("127.0.0.1:9092", bootstrap)
    names: dict[str, Any] = {}
    seen: list[Any] = []

    def show(*shown: Any) -> None:
        seen.extend(shown)
        raise Paged

    names["print"] = show
    with pytest.raises(Paged):
        exec(text, names)  # noqa: S102  the project's own document
    names["consumer"].close()
    assert seen == [SAMPLE["alert_id"], SAMPLE["reason"]]
