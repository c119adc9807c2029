"""The connectors of docs/alerts.md, on a real Kafka Connect with a real registry and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from broker_sessions import session
from confluent_kafka import Producer
from kafka_connect import connect, connect_jars
from maven import JavaToolError
from postgres import postgres
from worker_process import assume_root, wait_for

from streams.settings import Settings
from streams.wire.alert import read_alert, to_json_line
from streams.wire.confluent.registry import schema_lookup, value_serializer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_broker import RunningBroker
    from kafka_connect import Connect
    from postgres import Postgres
    from worker_process import Deployment

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8").split("\n## Kafka Connect\n")[1].split("\n## ")[0]
AGAIN = "told again"


@pytest.fixture
def database() -> Iterator[Postgres]:
    """An empty database."""
    try:
        (jar,) = connect_jars().glob("embedded-postgres-binaries-*.jar")
        with postgres(jar) as running:
            yield running
    except JavaToolError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def sinks(broker: RunningBroker, tmp_path: Path) -> Iterator[Connect]:
    """A Kafka Connect without connectors."""
    try:
        with connect(broker.bootstrap, tmp_path) as running:
            yield running
    except JavaToolError as error:
        pytest.fail(str(error), pytrace=False)


def documented(replaced: dict[str, str]) -> dict[str, dict[str, str]]:
    """The document's connectors by name, with these addresses in the place of the document's."""
    found = {}
    for block in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL):
        text = block
        for old, new in replaced.items():
            text = text.replace(old, new)
        connector = json.loads(text)
        found[connector["name"]] = connector["config"]
    return found


def told_again(registry: str, message: Any) -> tuple[dict[str, Any], bytes]:
    """An alert of the topic with another reason, and its bytes as a worker with a registry writes them."""
    settings = Settings(schema_registry_url=registry)
    alert = read_alert(message.value(), schema_lookup(settings)) | {"reason": AGAIN}

    async def encode() -> bytes:
        serializer = await value_serializer(settings)
        try:
            return await serializer(message.topic(), "alert", alert)
        finally:
            await serializer.aclose()

    return alert, asyncio.run(encode())


def columns(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The columns of an alert in JSON that have a value: nested fields by their path, and no lists."""
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            found |= columns(inner, f"{path}{name}_")
        elif not isinstance(inner, list) and inner is not None:
            found[f"{path}{name}"] = in_sql(inner)
    return found


def in_sql(value: Any) -> Any:
    """A timestamp as PostgreSQL shows it; every other value as it is."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
        return value.removesuffix("Z").rstrip("0").removesuffix(".")
    return value


def test_alerts_are_loaded_by_their_ids(
    deployment: Deployment, real_registry: str, database: Postgres, sinks: Connect
) -> None:
    """The document's connectors fill a table by Avro, and two by JSON; a repeated alert overwrites its row."""
    deployment.settings |= {"schema_registry_url": real_registry, "json_alerts": "native", "session_grace": "1s"}
    deployment.apply_topics()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([*session("ASIAEXAMPLE"), assume_root(account="300000000000", responseElements=None)])
        wait_for(lambda: deployment.read(f"{deployment.topic}.session-summaries"), "the session is summed up")
        wait_for(lambda: len(deployment.read(f"{deployment.topic}.alerts")) == 2, "both alerts are there")
        assert worker.terminate() == 0, worker.tail()
    published = deployment.read(f"{deployment.topic}.alerts")
    documents = {
        one.key().decode(): json.loads(one.value()) for one in deployment.read(f"{deployment.topic}.alerts.json")
    }
    alerts = {one.key().decode(): documents[one.key().decode()] for one in published}

    for statement in re.findall(r"```sql\n(.*?)```", SECTION, re.DOTALL):
        database.query(statement)
    connectors = documented(
        {
            "rootwatch.": f"{deployment.topic}.",
            "jdbc:postgresql://postgres:5432/postgres": database.jdbc_url,
            "http://registry:8080/apis/registry/v2": real_registry.replace("ccompat/v7", "registry/v2"),
        }
    )
    for name, config in connectors.items():
        sinks.set(name, config)

    def rows(table: str) -> dict[str, dict[str, Any]]:
        failed = [trace for name in connectors for trace in sinks.failures(name)]
        assert not failed, failed[0]
        found = [row for (row,) in database.query(f"select to_jsonb(t) from {table} t")]  # noqa: S608  the test's own
        assert len({row.get("alert_id") or row["id"] for row in found}) == len(found)
        return {row.get("alert_id") or row["id"]: row for row in found}

    wait_for(lambda: rows("alerts").keys() == alerts.keys(), "both alerts are loaded from Avro")
    for table in ("alert_documents", "alert_columns"):
        wait_for(lambda table=table: rows(table).keys() == documents.keys(), f"{table} is loaded from JSON")
    assert {key: row["document"] for key, row in rows("alert_documents").items()} == documents
    for key, row in rows("alert_columns").items():
        of_summary = documents[key].get("summary", {})
        assert (row["reason"], row["summary_reason"]) == (documents[key].get("reason"), of_summary.get("reason"))
        assert row["summary_severity"] == of_summary.get("severity")
        assert row["rule_severity"] == documents[key].get("rule", {}).get("severity")
    for key, row in rows("alerts").items():
        record = alerts[key].pop("record")
        assert json.loads(row.pop("record")) == record
        assert {name: value for name, value in row.items() if value is not None} == columns(alerts[key])

    alert, value = told_again(real_registry, published[0])
    producer = Producer({"bootstrap.servers": deployment.bootstrap})
    producer.produce(f"{deployment.topic}.alerts", value, published[0].key())
    producer.produce(f"{deployment.topic}.alerts.json", to_json_line(alert), published[0].key())
    assert producer.flush(60) == 0
    again = alert["alert_id"]
    wait_for(lambda: rows("alerts")[again]["reason"] == AGAIN, "the row in alerts is overwritten")
    wait_for(lambda: rows("alert_columns")[again]["reason"] == AGAIN, "the row in alert_columns is overwritten")
    wait_for(
        lambda: rows("alert_documents")[again]["document"]["reason"] == AGAIN, "the row in alert_documents is, too"
    )
    assert (rows("alerts").keys(), rows("alert_documents").keys()) == (alerts.keys(), documents.keys())
