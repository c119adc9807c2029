"""Three rules in one worker: as a replay says, and when a rule changes, goes or is full (U6, U11, U15)."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from rule_files import QUERY, calls, iam, rule_text, write_rules
from worker_process import Deployment, wait_for

from streams.pipeline import sight
from streams.settings import Settings
from streams.wire import sighting as codec

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker
    from worker_process import Worker

Told = dict[tuple[str, tuple[str, ...]], set[str]]


@pytest.fixture(params=[2])
def deployment(request: pytest.FixtureRequest, broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=1)  # so that sightings arrive in order of time
    settings = {"partitions": str(request.param), "standby_replicas": "0", "rules": write_rules(tmp_path / "rules")}
    made = Deployment(broker.bootstrap, names, tmp_path, settings)
    made.apply_topics()
    return made


def told(deployment: Deployment) -> Told:
    """The ids of all alerts, by rule and terms."""
    ids: Told = defaultdict(set)
    for alert in deployment.alerts():
        ids[alert["rule"]["id"], tuple(term["value"] for term in alert["terms"])].add(alert["alert_id"])
    return ids


def replayed(deployment: Deployment) -> Told:
    """The ids that a replay of the source topic gives, by rule and terms."""
    ran = deployment.run("backtest", "--topic", deployment.names.source_topic)
    assert ran.returncode == 0, ran.stderr
    ids: Told = defaultdict(set)
    for alert in map(json.loads, ran.stdout.splitlines()):
        ids[alert["rule"]["id"], tuple(term["value"] for term in alert["terms"])].add(alert["alert_id"])
    return ids


def sample(worker: Worker, name: str, **labels: str) -> float | None:
    """The value of one of a worker's metrics; ``None`` without such a sample."""
    shown = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    for line in worker.get("/metrics")[1].decode().splitlines():
        if line.startswith(f"{name}{{{shown}}} "):
            return float(line.rpartition(" ")[2])
    return None


def test_a_worker_says_what_a_replay_says(deployment: Deployment) -> None:
    """U15, M9: with three rules live, the alerts are those of a replay of the records, and each rule is counted."""
    deployment.produce(calls(60))
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        for rule_id in ("one", "two", "three"):
            assert sample(worker, "rootwatch_taken_total", rule=rule_id) == 60
            assert sample(worker, "rootwatch_rule_learning", rule=rule_id) == 0
            entries = sample(worker, "rootwatch_rule_entries", rule=rule_id)
            assert entries == len({terms for rule, terms in told(deployment) if rule == rule_id})
        assert worker.terminate() == 0, worker.tail()
    live = told(deployment)
    assert live == replayed(deployment)
    assert {rule_id for rule_id, _ in live} == {"one", "two", "three"}


def test_a_rule_that_changes_learns_and_one_that_goes_is_counted(deployment: Deployment) -> None:
    """U6: a changed query learns for the window and keeps its memory; a rule that is gone leaves a counted outcome."""
    rules = deployment.folder / "rules"
    deployment.produce([iam("alice", 0)])
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    before = set(told(deployment))
    leave_undecided(deployment, iam("dora", 1), rule_id="three")
    (rules / "two.toml").write_text(rule_text("two", query=f"{QUERY} and not user.name: nobody"))
    (rules / "three.toml").unlink()
    deployment.produce([iam("bob", 1), iam("carol", 24 * 10 + 2)])
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert sample(worker, "rootwatch_decided_total", rule="two", outcome="learned") == 1
        assert sample(worker, "rootwatch_rule_entries", rule="two") == 3
        assert sample(worker, "rootwatch_decided_total", rule="three", outcome="gone") == 1
        assert worker.terminate() == 0, worker.tail()
    new = set(told(deployment)) - before
    assert new == {("one", ("bob",)), ("one", ("carol",)), ("two", ("111111111111", "carol"))}


@pytest.mark.parametrize("deployment", [1], indirect=True)
def test_a_full_rule_says_so_and_loses_nothing(deployment: Deployment) -> None:
    """U11: beyond max_entries known tuples go on, and a new one goes to the overflow topic as unknown."""
    write_rules(deployment.folder / "rules", one="max_entries = 1")
    deployment.produce([iam("alice", 0), iam("bob", 1), iam("alice", 30)])
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert [sample(worker, "rootwatch_rule_saturated", rule=rule_id) for rule_id in ("one", "two")] == [1, 0]
        assert worker.terminate() == 0, worker.tail()
        assert worker.log.read_text().count("rule.saturated") == 1
    kinds = {
        topic: [
            (alert["terms"][0]["value"], alert["novelty"]["kind"])
            for alert in deployment.alerts(topic)
            if alert["rule"]["id"] == "one"
        ]
        for topic in ("alerts", "alerts.overflow")
    }
    assert kinds == {"alerts": [("alice", "first"), ("alice", "returned")], "alerts.overflow": [("bob", "unknown")]}


def leave_undecided(deployment: Deployment, record: dict[str, Any], rule_id: str) -> None:
    """Send the sighting of a rule to its topic, as a worker does before it is stopped."""
    settings = Settings.model_validate({"rules": [str(deployment.folder / "rules")]})
    result = sight(json.dumps(record).encode(), settings.load_rules(), settings.extract_settings())
    (seen,) = (each for each in result.sightings if each.rule_id == rule_id)
    producer = Producer({"bootstrap.servers": deployment.bootstrap, "partitioner": "murmur2_random"})
    producer.produce(f"{deployment.topic}.sightings", codec.encode(seen), codec.key_of(seen))
    assert producer.flush(60) == 0
