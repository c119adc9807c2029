"""Three rules live, beside a replay in every field; kills, lost disks, changes and floods (U5 to U8, U15)."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crashing_worker import STEPS
from rule_files import RULES, START, calls, iam, rule_text, write_rules
from stores import changelog, entries_by_changelog, has_all, stores
from worker_process import SOON_MISSED, Deployment, wait_for

from streams.detection.group_summary import GroupSummary
from streams.wire.alert import to_json
from streams.wire.stored import memory as codec
from streams.worker.agents.taking_counts import SHARE_OF

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka_broker import Names, RunningBroker
    from worker_process import Worker

CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")


def deploy(broker: RunningBroker, names: Names, folder: Path, **settings: str) -> Deployment:
    broker.create_topic(names.source_topic, partitions=1)  # so that sightings arrive in order of time
    rules = write_rules(folder / "rules")
    made = Deployment(broker.bootstrap, names, folder, {"partitions": "2", "rules": rules, **SOON_MISSED, **settings})
    made.apply_topics()
    return made


def handle(deployment: Deployment, records: Iterable[Any], name: str = "worker") -> dict[str, float]:
    """Let a worker handle records and end it; return its metrics."""
    deployment.produce(records)
    with deployment.worker(name) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        found = samples(worker)
        assert worker.terminate() == 0, worker.tail()
    return found


def samples(worker: Worker) -> dict[str, float]:
    """A worker's metrics, by name with labels."""
    lines = worker.get("/metrics")[1].decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def decided(metrics: dict[str, float], rule_id: str) -> dict[str, float]:
    """A rule's decisions, by outcome."""
    start = 'rootwatch_decided_total{outcome="'
    end = f'",rule="{rule_id}"}}'
    return {
        name[len(start) : -len(end)]: value
        for name, value in metrics.items()
        if name.startswith(start) and name.endswith(end) and value
    }


def fields(alert: dict[str, Any]) -> dict[str, Any]:
    """The fields that live and replay have in common."""
    return {name: value for name, value in alert.items() if name not in {"detected_at", "geo", "overflow"}}


def by_id(alerts: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {alert["alert_id"]: fields(alert) for alert in alerts}


def live(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The alerts of both topics, by id."""
    return by_id(to_json(alert) for topic in ("alerts", "alerts.overflow") for alert in deployment.alerts(topic))


def replayed(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The alerts of a replay of the source topic, by id."""
    ran = deployment.run("backtest", "--topic", deployment.names.source_topic)
    assert ran.returncode == 0, ran.stderr
    return by_id(map(json.loads, ran.stdout.splitlines()))


def assert_memory_is_consistent(entries: dict[bytes, bytes], *, counted: bool) -> None:
    """Assert that each summary counts its group's tuples, and each rule's state its tuples if a sweep has counted."""
    parsed = {codec.parse_key(key): value for key, value in entries.items()}
    tuples = {key: codec.decode_tuple(value) for key, value in parsed.items() if isinstance(key, codec.TupleKey)}
    number = Counter(key.rule_id for key in tuples)
    for key, value in parsed.items():
        match key:
            case codec.GroupKey(rule_id, terms, first):
                group = (kept for own, kept in tuples.items() if (*own[:2], own.values[0]) == (rule_id, terms, first))
                days = [(seen.day, seen.tuples) for seen in GroupSummary.of(group).days]
                assert [(seen.day, seen.tuples) for seen in codec.decode_group(value).days] == days
            case codec.RuleKey(rule_id):
                state = codec.decode_rule(value)
                assert state.entries == number[rule_id] or (not counted and state.entries < number[rule_id])


def test_alerts_answers_and_metrics(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """M9, U13, U15: records of any shape give a replay's alerts in every field, and explain and metrics agree."""
    deployment = deploy(broker, names, tmp_path, partitions="1")
    nobody = iam("x", 300) | {"userIdentity": {"type": "AWSService", "invokedBy": "iam.amazonaws.com"}}
    shaped = list(calls(30))
    messages = [
        *shaped[:10],
        {"Records": shaped[10:20]},
        gzip.compress(json.dumps({"Records": shaped[20:]}).encode()),
        iam("failed", 290) | {"errorCode": "AccessDenied"},
        nobody,
    ]
    with deployment.worker() as worker:
        worker.wait_until_ready()
        begun = samples(worker)
        for rule_id in RULES:
            for name in ("taken", "cut", "sightings", "refreshed", "overflow"):
                assert begun[f'rootwatch_{name}_total{{rule="{rule_id}"}}'] == 0
            for name in ("rule_learning", "rule_saturated", "rule_entries"):
                assert begun[f'rootwatch_{name}{{rule="{rule_id}"}}'] == 0
            for outcome in ("alert", "overflow", "known", "late", "learned", "excepted", "unknown"):
                assert begun[f'rootwatch_decided_total{{outcome="{outcome}",rule="{rule_id}"}}'] == 0
            assert sum(name.startswith(f'rootwatch_rule_info{{id="{rule_id}"') for name in begun) == 1
        assert begun['rootwatch_missing_terms_total{field="source.ip",rule="three"}'] == 0
        deployment.produce(messages)
        wait_for(deployment.all_done, "all offsets are committed")
        ended = samples(worker)
        assert worker.terminate() == 0, worker.tail()
    alerts = live(deployment)
    assert alerts == replayed(deployment)
    for rule_id in RULES:
        own = [alert for alert in alerts.values() if alert["rule"]["id"] == rule_id]
        assert own
        assert ended[f'rootwatch_taken_total{{rule="{rule_id}"}}'] == 31
        assert ended[f'rootwatch_sightings_total{{rule="{rule_id}"}}'] == 30
        assert ended[f'rootwatch_missing_terms_total{{field="user.name",rule="{rule_id}"}}'] == 1
        assert decided(ended, rule_id) == +Counter(alert=len(own), known=30 - len(own))
        kinds = Counter(alert["novelty"]["kind"] for alert in own)
        for kind in ("first", "returned"):
            assert ended[f'rootwatch_alerts_total{{novelty="{kind}",rule="{rule_id}"}}'] == kinds[kind]
        assert ended[f'rootwatch_rule_entries{{rule="{rule_id}"}}'] == kinds["first"]

    offsets = ",".join(f"0:{number}" for number in range(len(messages)))
    ran = deployment.run("explain", "--topic", names.source_topic, "--offset", offsets)
    assert ran.returncode == 0, ran.stderr
    explained = [json.loads(line) for line in ran.stdout.splitlines()]
    said = Counter(
        (seen["rule_id"], tuple((term["field"], term["value"]) for term in seen["terms"]))
        for line in explained
        if line["outcome"] == "match"
        for seen in line["sightings"]
    )
    assert sum(said.values()) == 3 * 30
    assert {
        (alert["rule"]["id"], tuple((term["field"], term["value"]) for term in alert["terms"]))
        for alert in alerts.values()
    } == set(said)
    assert [line["outcome"] for line in explained[-2:]] == ["no-match", "no-match"]
    assert "user.name" in explained[-1]["reason"]


@pytest.mark.parametrize("kept", [True, False], ids=["state kept", "state deleted"])
def test_stores_after_kills(broker: RunningBroker, names: Names, tmp_path: Path, *, kept: bool) -> None:
    """A2, M9, U5, U11, U15: SIGKILLs between any two steps lose no alert of any rule and add no id.

    The stores are as their changelogs say, and summaries and counts are true.
    """
    deployment = deploy(broker, names, tmp_path, standby_replicas="0")
    for step in STEPS:
        deployment.produce(calls(21, tag=f"{step}-"))
        with deployment.worker(command=(sys.executable, CRASHING, step, "1")) as worker:
            worker.process.wait(120)
            assert worker.process.returncode == -9, worker.tail()
        if kept:
            for _, entries in stores(deployment, "worker").values():
                assert_memory_is_consistent(entries, counted=False)
        else:
            shutil.rmtree(deployment.folder / "worker")
    handle(deployment, calls(400, tag="last-"))
    assert set(live(deployment)) == set(replayed(deployment))
    ended = {number: entries for number, (_, entries) in stores(deployment, "worker").items()}
    assert ended == entries_by_changelog(deployment)
    for entries in ended.values():
        assert_memory_is_consistent(entries, counted=True)


def test_a_standby_takes_over_and_a_changelog_restores(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """U5, U6: a standby, and a worker without its disk, know tuples, counts and when a rule began to learn."""
    deployment = deploy(broker, names, tmp_path, standby_replicas="1")
    write_rules(tmp_path / "rules", one='learn = "30d"')
    users = [f"user-{number}" for number in range(20)]
    with deployment.worker("first") as first, deployment.worker("second") as second:
        for worker in (first, second):
            worker.wait_until_ready()
        deployment.produce(iam(user, 0) for user in users)
        wait_for(deployment.all_done, "all offsets are committed")
        ends = {number: end - 1 for number, end in deployment.ends(changelog(deployment)).items()}
        wait_for(partial(has_all, deployment, "second", ends), "the standbys have followed")
        before = live(deployment)
        first.kill()
        deployment.produce([*(iam(user, 1) for user in users), iam("learned", 24 * 29), iam("late", 24 * 31)])
        wait_for(deployment.all_done, "all offsets are committed")
        known = samples(second)
        assert second.terminate() == 0, second.tail()
    new = [alert for name, alert in live(deployment).items() if name not in before]
    said = {(alert["rule"]["id"], alert["terms"][0]["value"], alert["terms"][-1]["value"]) for alert in new}
    assert {each for each in said if each[0] == "one"} == {("one", "late", "late")}
    assert {each[2] for each in said if each[0] == "two"} == {"learned", "late"}
    assert {each[1] for each in said if each[0] == "three"} == {"learned", "late"}
    kept = {number: entries for number, (_, entries) in stores(deployment, "second").items()}
    assert kept == entries_by_changelog(deployment)
    for entries in kept.values():
        assert_memory_is_consistent(entries, counted=False)

    for name in ("first", "second"):
        shutil.rmtree(tmp_path / name)
    again = handle(deployment, [iam(user, 24 * 2) for user in users])
    for rule_id in RULES:
        entries = f'rootwatch_rule_entries{{rule="{rule_id}"}}'
        assert again[entries] == known[entries] == 22
    assert decided(again, "one") == {"learned": 20}
    restored = {number: entries for number, (_, entries) in stores(deployment, "worker").items()}
    assert restored == entries_by_changelog(deployment)


def test_changed_terms_and_a_rule_that_comes_back(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """U6: changed terms start empty and learn, in metric and log; a rule that comes back knows its memory."""
    deployment = deploy(broker, names, tmp_path, partitions="1")  # other groups would be in other partitions
    now = int((datetime.now(UTC) - START).total_seconds() // 3600)
    handle(deployment, [iam("alice", now)])
    before = live(deployment)
    three = tmp_path / "rules" / "three.toml"
    three.rename(tmp_path / "three.toml")
    two = rule_text("two").replace(RULES["two"][0], '["user.name", "cloud.account.id"]')
    (tmp_path / "rules" / "two.toml").write_text(two)
    changed = handle(deployment, [iam("alice", now), iam("bob", now)])
    assert decided(changed, "two") == {"learned": 2}
    assert changed['rootwatch_rule_learning{rule="two"}'] == 1
    assert changed['rootwatch_rule_learning{rule="one"}'] == 0
    assert changed['rootwatch_rule_entries{rule="two"}'] == 2
    assert not any('rule="three"' in name for name in changed)
    log = (tmp_path / "worker.log").read_text()
    assert "rule=two" in "".join(line for line in log.splitlines() if "rule.learning" in line)
    assert "rule=one" not in "".join(line for line in log.splitlines() if "rule.learning" in line)
    new = [alert for name, alert in live(deployment).items() if name not in before]
    assert [(alert["rule"]["id"], alert["terms"][0]["value"]) for alert in new] == [("one", "bob")]

    (tmp_path / "three.toml").rename(three)
    back = handle(deployment, [iam("alice", now)])
    assert decided(back, "three") == {"known": 1}
    assert back['rootwatch_rule_entries{rule="three"}'] == 1


def test_a_flood_and_a_rule_that_reads_everything(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """U7, U10, M7: a flood sends one sighting per refresh and hides no first or returned one, nor behind an exception.

    A rule that reads every message says so at start, and what share it takes after some records.
    """
    (tmp_path / "exceptions.toml").write_text(
        '[[exception]]\nrule = "one"\nprincipal = "*/carol"\nquery = "user_agent.original: *Terraform*"\nreason = "x"\n'
    )
    deployment = deploy(broker, names, tmp_path, exceptions=str(tmp_path / "exceptions.toml"), partitions="1")
    rules = tmp_path / "rules"
    (rules / "one.toml").write_text(rule_text("one").replace('refresh = "0s"', 'refresh = "1h"'))
    everything = rule_text("two", query="event.outcome: success and not event.action: Idle")
    (rules / "two.toml").write_text(everything)

    def at(user: str, minute: int, **more: Any) -> dict[str, Any]:
        day, rest = divmod(minute, 24 * 60)
        return iam(user, 0) | {"eventTime": f"2026-03-{1 + day:02d}T{rest // 60:02d}:{rest % 60:02d}:00Z"} | more

    flood = [at("alice", minute) for minute in range(120)]
    flood[30:30] = [at("carol", 30, userAgent="Terraform/1.9"), at("carol", 30), at("bob", 30)]
    flood.append(at("alice", 60 + 24 * 60 + 1))
    idle = {"Records": [iam("idle", 30) | {"eventName": "Idle"}] * 500}
    found = handle(deployment, [*flood, *[idle] * (SHARE_OF // 500)])
    sent = 2 + 3 + 1
    assert found['rootwatch_taken_total{rule="one"}'] == len(flood)
    assert found['rootwatch_sightings_total{rule="one"}'] == sent
    assert found['rootwatch_refreshed_total{rule="one"}'] == len(flood) - sent
    assert found['rootwatch_refreshed_total{rule="three"}'] == 0
    assert found[f'rootwatch_skipped_at_fetch_total{{topic="{names.source_topic}"}}'] == 0
    assert decided(found, "one") == {"alert": 4, "known": 1, "excepted": 1}
    own = [alert for alert in live(deployment).values() if alert["rule"]["id"] == "one"]
    assert {(alert["terms"][0]["value"], alert["novelty"]["kind"]) for alert in own} == {
        ("alice", "first"),
        ("carol", "first"),
        ("bob", "first"),
        ("alice", "returned"),
    }
    lines = (tmp_path / "worker.log").read_text().splitlines()
    (starts,) = [line for line in lines if "rule.reads_everything" in line]
    (share,) = [line for line in lines if "rule.share" in line]
    assert "rule=two" in starts
    assert "rule=two" in share
    assert lines.index(starts) < lines.index(share)


def test_faults_of_a_rule_set(names: Names, tmp_path: Path) -> None:
    """U8: a worker with wrong rules ends with 2 before it asks a broker, and names all faults, one a line."""
    folder = Path(write_rules(tmp_path / "rules"))
    (folder / "one.toml").write_text(rule_text("one", query="event.action:"))
    (folder / "two.toml").write_text(rule_text("two", query="event.actoin: x"))
    (folder / "four.toml").write_text(rule_text("three"))
    done = Deployment("127.0.0.1:1", names, tmp_path, {"rules": str(folder)}).run("worker")
    assert (done.returncode, done.stdout) == (2, "")
    faults = [line for line in done.stderr.splitlines() if ".toml" in line]
    assert len(faults) == 3
    assert "one.toml: query:1:14: " in done.stderr
    assert "two.toml: query:1:1: " in done.stderr
    assert "event.action" in done.stderr
    assert "three.toml: id: 'three': is also the id of" in done.stderr
    assert "broker" not in done.stderr
