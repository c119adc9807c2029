"""A worker with a real schema registry: through outages, with credentials, and what is read of its alerts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from broker_sessions import PRINCIPAL, action, grant
from confluent_kafka.schema_registry import SchemaRegistryClient
from worker_process import assume_root, wait_for

from streams.settings import Settings
from streams.topics.catalogue import value_schemas

if TYPE_CHECKING:
    from pathlib import Path

    from apicurio_registry import GuardedRegistry
    from worker_process import Deployment, Worker

ACCOUNTS = ["400000000001", "400000000002", "400000000003"]


@pytest.fixture(name="deployment")
def registered(deployment: Deployment, guarded_registry: GuardedRegistry, tmp_path: Path) -> Deployment:
    """A deployment whose registry asks for credentials and knows nothing of its topics."""
    guarded_registry.auth = "rootwatch:secret"
    (tmp_path / "auth").write_text("rootwatch:secret\n")
    deployment.settings |= {
        "schema_registry_url": guarded_registry.url,
        "schema_registry_auth_file": str(tmp_path / "auth"),
        "session_grace": "1s",
        "max_alerts": "1",
    }
    return deployment


def topics(deployment: Deployment) -> list[str]:
    """The topics whose schemas are in the registry."""
    return list(value_schemas(Settings(topic_prefix=deployment.topic)))


def ids_in(deployment: Deployment, topic: str) -> set[int]:
    """The schema ids of a topic's values, all of which are in Confluent's wire format."""
    values = [message.value() for message in deployment.read(topic)]
    assert all(value[0] == 0 for value in values)
    return {int.from_bytes(value[1:5], "big") for value in values}


def ids_registered(real_registry: str, deployment: Deployment) -> dict[str, set[int]]:
    """By topic, the id that the registry has for the topic's subject."""
    with SchemaRegistryClient({"url": real_registry}) as client:
        return {topic: {client.get_latest_version(f"{topic}-value").schema_id} for topic in topics(deployment)}


def listed(deployment: Deployment) -> list[dict[str, Any]]:
    """The alerts that ``rootwatch alerts --json`` prints."""
    done = deployment.run("alerts", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def registry_of(worker: Worker) -> dict[str, Any]:
    """What ``/readyz`` says of the registry."""
    found: dict[str, Any] = json.loads(worker.get("/readyz")[1])["registry"]
    return found


def test_a_registry_that_comes_and_goes(
    deployment: Deployment, guarded_registry: GuardedRegistry, real_registry: str
) -> None:
    """A2: all waits for a registry that is away at the start, nothing for one that goes later; every id is its own."""
    sightings = f"{deployment.topic}.sightings"
    guarded_registry.shut()
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([grant(account=account, key=f"ASIA{account}") for account in ACCOUNTS[:2]])
        deployment.produce([action("DeleteBucketPolicy", "made", 60, f"ASIA{ACCOUNTS[0]}", ACCOUNTS[0])])
        wait_for(lambda: "registry.unavailable" in worker.tail(), "alerts wait for the registry")
        assert set(deployment.committed(sightings).values()) <= {-1001, 0}
        assert registry_of(worker)["reachable"] is False
        guarded_registry.open()
        wait_for(lambda: all(deployment.read(topic) for topic in topics(deployment)), "each topic has a value")
        wait_for(deployment.all_done, "all offsets are committed")
        guarded_registry.shut()
        deployment.produce([assume_root("arn:aws:iam::111111111111:user/bob", ACCOUNTS[2])])
        wait_for(deployment.all_done, "an alert is sent while the registry is away")
        assert worker.terminate() == 0, worker.tail()
    guarded_registry.open()
    registered = ids_registered(real_registry, deployment)
    assert {topic: ids_in(deployment, topic) for topic in topics(deployment)} == registered
    assert len({schema_id for ids in registered.values() for schema_id in ids}) == 3
    alerts = listed(deployment)
    assert sorted(alert["principal"]["arn"] for alert in alerts) == [PRINCIPAL, "arn:aws:iam::111111111111:user/bob"]
    check, apply, again = (deployment.run("topics", *words) for words in (["check"], ["apply"], ["check"]))
    assert (check.returncode, apply.returncode, again.returncode) == (1, 0, 0)
    assert check.stdout.count("compatibility is") == apply.stdout.count("FULL_TRANSITIVE") == 4


def test_credentials_that_are_wrong(deployment: Deployment, real_registry: str, tmp_path: Path) -> None:
    """The worker ends with 1 and names the file to check, as ``doctor`` and ``topics`` do; mended, all goes on.

    After ``topics apply`` it registers nothing.
    """
    deployment.apply_topics()
    before = ids_registered(real_registry, deployment)
    deployment.produce([assume_root(account=ACCOUNTS[0])])
    (tmp_path / "auth").write_text("rootwatch:guessed\n")
    fix = "(HTTP 401); check schema_registry_auth_file"
    with deployment.worker() as worker:
        assert worker.process.wait(120) == 1, worker.tail()
        log = worker.log.read_text()
        (failed,) = [line for line in log.splitlines() if "worker.failed" in line]
        assert fix in failed
        assert "Traceback" not in log
    assert not deployment.all_done()
    doctor, check = deployment.run("doctor"), deployment.run("topics", "check")
    assert (doctor.returncode, check.returncode) == (1, 1)
    (wrong,) = [line for line in doctor.stdout.splitlines() if line.startswith("wrong")]
    assert "registry: schema registry refuses" in wrong
    assert fix in wrong
    assert fix in check.stderr
    assert "guessed" not in log + doctor.stdout + check.stderr
    (tmp_path / "auth").write_text("rootwatch:secret\n")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        assert registry_of(worker) == {"reachable": True, "problem": None}
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert ids_registered(real_registry, deployment) == before
    assert [alert["member_account"]["id"] for alert in listed(deployment)] == ACCOUNTS[:1]
    assert not [line for line in deployment.run("doctor").stdout.splitlines() if line.startswith("wrong")]
