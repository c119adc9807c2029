"""The statements of docs/semantics.md on the real broker, with several deployments.

A worker takes seconds to start. So each test runs one deployment and then checks its results against many statements.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer
from live_scenarios import (
    EXCEPTIONS,
    ROLE,
    SESSION,
    USER,
    issuer_records,
    of_role,
    strict_records,
    vault_records,
    vault_rule,
)
from maxmind import BERLIN, write_database
from sightings import pair_key
from worker_process import SOON_MISSED, Deployment, assume_root, wait_for

from streams.wire.alert import to_json

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker


@dataclass
class Played:
    """A deployment whose worker has handled everything, with its results; alerts in their JSON form."""

    deployment: Deployment
    alerts: list[dict[str, Any]] = field(default_factory=list)
    overflow: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[tuple[dict[str, bytes], dict[str, Any]]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)

    def gather(self, metrics: bytes) -> None:
        """Read the results."""
        made = self.deployment
        self.alerts = [to_json(alert) for alert in made.alerts()]
        self.overflow = [to_json(alert) for alert in made.alerts("alerts.overflow")]
        self.dead_letters = [
            (dict(message.headers()), json.loads(message.value())) for message in made.read(f"{made.topic}.dead-letter")
        ]
        samples = (line.rpartition(" ") for line in metrics.decode().splitlines() if not line.startswith("#"))
        self.metrics = {name: float(value) for name, _, value in samples}

    def backtest(self, *arguments: str) -> list[dict[str, Any]]:
        """The alerts of a backtest with the same settings, with overflow marked."""
        done = self.deployment.run("backtest", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def outlines(alerts: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Time, principal, account and kind of each alert, in order of time."""
    return sorted(
        (
            alert["event"]["time"].removesuffix(".000Z"),
            alert["principal"]["arn"].rpartition("/")[2],
            alert["member_account"]["id"],
            alert["novelty"]["kind"],
        )
        for alert in alerts
    )


def comparable(alert: dict[str, Any], *but: str) -> dict[str, Any]:
    """The alert without the fields that may differ."""
    return {name: value for name, value in alert.items() if name not in {"detected_at", "geo", "overflow", *but}}


def millis(time: str) -> int:
    return (datetime.fromisoformat(time) - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(milliseconds=1)


def deploy(broker: RunningBroker, names: Names, folder: Path, **settings: str) -> Deployment:
    # One partition keeps the order, so that live and backtest agree in every field.
    broker.create_topic(names.source_topic, partitions=1)
    made = Deployment(broker.bootstrap, names, folder, settings)
    made.apply_topics()
    return made


def send(deployment: Deployment, records: list[tuple[str, dict[str, Any]]]) -> None:
    """Send records with their Kafka timestamps."""
    producer = Producer({"bootstrap.servers": deployment.bootstrap})
    for time, record in records:
        producer.produce(deployment.names.source_topic, json.dumps(record).encode(), timestamp=millis(time))
    assert producer.flush(60) == 0


def play(deployment: Deployment, records: list[tuple[str, dict[str, Any]]]) -> Played:
    """Let a worker handle the records, and gather the results."""
    played = Played(deployment)
    with deployment.worker() as worker:
        send(deployment, records)
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        played.gather(worker.get("/metrics")[1])
        assert worker.terminate() == 0, worker.tail()
    return played


def test_learning_exceptions_cap_and_short_memory(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """M1, M3, M5 to M9, A3, A4, T5: a live worker with every limit decides as stated, and like a backtest."""
    (tmp_path / "exceptions.toml").write_text(EXCEPTIONS)
    deployment = deploy(
        broker,
        names,
        tmp_path,
        learn_until="2026-03-01",
        exceptions=str(tmp_path / "exceptions.toml"),
        window="5d",
        forget_after="30d",
        max_alerts="3",
        severity="critical",
        risk_score="99",
    )
    strict = play(deployment, strict_records())
    assert_these_alert(strict)
    assert_above_the_cap(strict)
    assert_overrides_are_in_the_alert(strict)
    assert_exceptions_are_counted_each(strict)
    assert_incomplete_ones_are_dead_letters(strict)
    assert_backtest_of_the_topic_says_the_same(strict)
    assert_backtest_of_files_says_the_same(strict)


def test_issuers_resources_seeds_and_places(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """T3, T4, M6, M9, A5: sessions of a role are one principal, accounts come from resources, and seeds only teach.

    Alerts have a location. Memory of a newer version is refused.
    """
    _, seen = of_role("2026-02-27T00:00:00Z", "old", "555555555555")
    (tmp_path / "seed.json").write_text(json.dumps({"Records": [seen]}))
    places = write_database(
        tmp_path / "city.mmdb", "GeoLite2-City", {"203.0.113.0/24": BERLIN, "2001:db8::/32": BERLIN}
    )
    settings = {"principal": "issuer", "member_account": "resources", "geoip_database": str(places)}
    deployment = deploy(broker, names, tmp_path, **settings)
    warmed = deployment.run("warm-up", str(tmp_path / "seed.json"))
    assert warmed.returncode == 0, warmed.stderr
    issuer = play(deployment, issuer_records())
    assert_the_issuer_is_the_principal(issuer)
    assert_alerts_know_the_place(issuer)
    assert_backtest_of_the_sightings_topic_honours_seeds(issuer)
    assert_seeding_again_changes_nothing(issuer)
    assert_newer_memory_is_refused(issuer)


def assert_these_alert(strict: Played) -> None:
    """M1, M3, M5 to M8, T5: exactly these alert; learned, excepted, known, late and incomplete sightings do not."""
    assert outlines(strict.alerts) == [
        ("2026-03-01T00:00:01", "alice", "444444444444", "first"),
        ("2026-03-01T03:00:01", "alice", "900000000000", "first"),
        ("2026-03-02T00:04:50", "mallory", "500000000000", "first"),
        ("2026-03-02T00:04:51", "mallory", "500000000001", "first"),
        ("2026-03-02T00:04:52", "mallory", "500000000002", "first"),
        ("2026-03-02T00:05:00", "mallory", "600000000000", "first"),
        ("2026-03-03T00:00:00", "bob", "222222222222", "first"),
        ("2026-03-03T12:00:00", "zoe", "222222222222", "first"),
        ("2026-03-04T00:00:00", 'o"brien","2', "222222222222", "first"),
        ("2026-03-05T00:00:01", "early", "222222222222", "first"),
        ("2026-03-06T00:00:02", "alice", "444444444444", "returned"),
        ("2026-04-01T01:00:01", "alice", "222222222222", "first"),
        ("2026-04-05T00:00:00", "alice", "333333333333", "returned"),
    ]


def assert_above_the_cap(strict: Played) -> None:
    """A3: alerts above the cap are complete on the overflow topic; the next five minutes let alerts through again."""
    assert outlines(strict.overflow) == [
        ("2026-03-02T00:04:53", "mallory", "500000000003", "first"),
        ("2026-03-02T00:04:54", "mallory", "500000000004", "first"),
    ]
    assert all(alert["reason"] and alert["record"]["eventName"] == "AssumeRoot" for alert in strict.overflow)
    assert strict.metrics['rootwatch_overflow_total{rule="aws-sts-assume-root-rare-pair"}'] == 2


def assert_overrides_are_in_the_alert(strict: Played) -> None:
    """A4, A5, M6: an alert has the operator's severity and risk score, the end of learning, and no location."""
    assert {str(alert["geo"]) for alert in strict.alerts} == {"None"}
    for alert in strict.alerts:
        assert (alert["rule"]["severity"], alert["rule"]["risk_score"]) == ("critical", 99)
        assert alert["novelty"]["learning_ended_at"] == "2026-03-01T00:00:00.000Z"
    deployment = strict.deployment
    messages = deployment.read(f"{deployment.topic}.alerts")
    assert {dict(message.headers())["severity"] for message in messages} == {b"critical"}


def assert_exceptions_are_counted_each(strict: Played) -> None:
    """M7: the metrics count the sightings that each exception silences, with the numbers that messages use."""
    counted = {name: value for name, value in strict.metrics.items() if "_excepted_" in name}
    assert counted == {
        'rootwatch_excepted_total{exception="1"}': 2,
        'rootwatch_excepted_total{exception="2"}': 1,
        'rootwatch_excepted_total{exception="3"}': 0,
    }


def assert_incomplete_ones_are_dead_letters(strict: Played) -> None:
    """T5: without principal, account or time, or more than a day ahead of Kafka, a success is a dead letter."""
    letters = strict.dead_letters
    assert {headers["reason"] for headers, _ in letters} == {b"incomplete"}
    assert sorted(headers["error"].decode() for headers, _ in letters) == [
        "eventTime is more than a day after the Kafka timestamp",
        "no member account",
        "no principal",
        "no readable eventTime",
    ]
    assert strict.metrics['rootwatch_dead_letters_total{reason="incomplete"}'] == 4


def assert_backtest_of_the_topic_says_the_same(strict: Played) -> None:
    """M9: a backtest of the same topic gives the same alerts in every field, overflow included.

    If records came out of order, another sighting of the same pair may carry the alert: the pairs are the same.
    """
    replayed = strict.backtest("--topic", strict.deployment.names.source_topic)
    for live, overflow in ((strict.alerts, False), (strict.overflow, True)):
        found = [alert for alert in replayed if alert.get("overflow", False) is overflow]
        assert {(who, account) for _, who, account, _ in outlines(live)} == {(w, a) for _, w, a, _ in outlines(found)}
        in_order = {alert["alert_id"]: comparable(alert) for alert in live if "zoe" not in alert["principal"]["arn"]}
        assert in_order == {
            alert["alert_id"]: comparable(alert) for alert in found if "zoe" not in alert["principal"]["arn"]
        }


def assert_backtest_of_files_says_the_same(strict: Played) -> None:
    """M9: a backtest of files gives the same alerts, without origin and without the check of Kafka's timestamps."""
    messages = strict.deployment.read(strict.deployment.names.source_topic)
    file = strict.deployment.folder / "in.jsonl"
    file.write_bytes(b"\n".join(m.value() for m in messages if b"user/zoe" not in m.value()))
    live = [alert for alert in strict.alerts if "zoe" not in alert["principal"]["arn"]]
    replayed = strict.backtest(str(file))
    through = [alert for alert in replayed if not alert.get("overflow")]
    ahead = ("2026-03-05T00:00:02", "early", "333333333333", "first")
    assert outlines(through) == sorted([*outlines(live), ahead])
    assert {alert["alert_id"]: comparable(alert, "origin") for alert in live}.items() <= {
        alert["alert_id"]: comparable(alert, "origin") for alert in through
    }.items()


def assert_the_issuer_is_the_principal(issuer: Played) -> None:
    """T3, T4, M6: sessions of one role are one principal, each account in resources is a sighting; seeds only teach."""
    assert sorted((a["event"]["time"][:10], a["member_account"]["id"]) for a in issuer.alerts) == [
        ("2026-03-01", "222222222222"),
        ("2026-03-03", "333333333333"),
        ("2026-03-03", "444444444444"),
        ("2026-03-06", "666666666666"),
    ]
    assert {a["principal"]["arn"] for a in issuer.alerts} == {ROLE}
    assert {a["member_account"]["source"] for a in issuer.alerts} == {"resources"}
    assert {a["principal"]["recorded_arn"] for a in issuer.alerts} == {
        f"{SESSION}{day}" for day in ("monday", "wednesday", "saturday")
    }
    assert [headers["error"] for headers, _ in issuer.dead_letters] == [b"no member account"]


def assert_alerts_know_the_place(issuer: Played) -> None:
    """A5: with a GeoIP database an alert has the location of an IPv4 or IPv6 address; AWS itself has none."""
    berlin = {"country": "DE", "city": "Berlin", "location": "52.5,13.25", "asn": None, "organization": None}
    places = {alert["event"]["source_ip"]: alert["geo"] for alert in issuer.alerts}
    assert places == {"203.0.113.7": berlin, "2001:db8::7": berlin, "organizations.amazonaws.com": None}


def assert_backtest_of_the_sightings_topic_honours_seeds(issuer: Played) -> None:
    """M6, M9: a replay of the sightings topic gives the same alerts in every field; seeds still only teach."""
    replayed = issuer.backtest("--topic", f"{issuer.deployment.topic}.sightings")
    assert {alert["alert_id"]: comparable(alert) for alert in issuer.alerts} == {
        alert["alert_id"]: comparable(alert) for alert in replayed
    }


def test_another_rule_by_the_record_clock(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """M4: a rule file for another event works, fetch filter included, with Kafka's time.

    All events claim the same time, three months ahead.
    """
    (tmp_path / "vault.toml").write_text(vault_rule())
    deployment = deploy(broker, names, tmp_path, clock="record", rule=str(tmp_path / "vault.toml"))
    vault = play(deployment, vault_records())
    assert sorted(
        (a["origin"]["timestamp"], a["member_account"]["id"], a["novelty"]["kind"], a["novelty"]["gap_seconds"])
        for a in vault.alerts
    ) == [
        ("2026-03-01T00:00:00.000Z", "222222222222", "first", None),
        ("2026-03-21T00:00:01.000Z", "222222222222", "returned", 864_001),
        ("2026-03-21T00:00:02.000Z", "333333333333", "first", None),
    ]
    for alert in vault.alerts:
        assert alert["rule"]["id"] == "vault-super-role"
        assert f"{USER}alice opened the vault of {alert['member_account']['id']}" in alert["reason"]
        assert alert["event"]["time"] == "2026-06-01T00:00:00.000Z"
    replayed = vault.backtest("--topic", vault.deployment.names.source_topic)
    assert {alert["alert_id"]: comparable(alert) for alert in vault.alerts} == {
        alert["alert_id"]: comparable(alert) for alert in replayed
    }
    topic = vault.deployment.names.source_topic
    assert vault.metrics[f'rootwatch_messages_total{{topic="{topic}"}}'] == len(vault_records())
    assert vault.metrics[f'rootwatch_skipped_at_fetch_total{{topic="{topic}"}}'] == 100


def kept(deployment: Deployment) -> dict[bytes, bytes]:
    """The content of the table: the changelog, compacted."""
    entries: dict[bytes, bytes | None] = {}
    for message in deployment.read(f"{deployment.names.group_id}-memory-changelog"):
        entries[message.key()] = message.value()
    return {key: value for key, value in entries.items() if value is not None}


def assert_seeding_again_changes_nothing(issuer: Played) -> None:
    """M6: a second warm-up neither alerts nor changes the memory."""
    deployment = issuer.deployment
    before = kept(deployment)
    assert deployment.run("warm-up", str(deployment.folder / "seed.json")).returncode == 0
    play(deployment, [])
    assert kept(deployment) == before
    assert len(deployment.alerts()) == len(issuer.alerts)


def assert_newer_memory_is_refused(issuer: Played) -> None:
    """Memory of a newer version stops the worker with 1 and a message, before anything overwrites it.

    The sighting that read it is not committed.
    """
    deployment = issuer.deployment
    key, newer = pair_key(ROLE, "555555555555"), bytes.fromhex("c301" + "0123456789abcdef" + "00")
    partition = deployment.read(f"{deployment.topic}.sightings")[0].partition()  # all are of one principal
    producer = Producer({"bootstrap.servers": deployment.bootstrap})
    producer.produce(f"{deployment.names.group_id}-memory-changelog", newer, key, partition=partition)
    assert producer.flush(60) == 0
    send(deployment, [of_role("2026-03-07T00:00:00Z", "sunday", "555555555555")])
    with deployment.worker() as worker:
        assert worker.process.wait(120) == 1
        assert "0123456789abcdef" in worker.tail()
        assert "newer version of rootwatch wrote it" in worker.tail()
    assert not deployment.all_done()
    assert kept(deployment)[key] == newer


CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")


def destinations(deployment: Deployment) -> dict[str, set[str]]:
    """The ids of the alerts on each of the two topics."""
    return {topic: {a["alert_id"] for a in deployment.alerts(topic)} for topic in ("alerts", "alerts.overflow")}


def test_the_cap_is_exact_after_kills(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """A3: after a kill before, between or after writes, with or without state, alerts go to the same topics.

    A backtest gives the expected topics. The new pairs of one principal cross the border of two cap periods, then a day
    that drops their buckets. All records are produced again each time.
    """
    deployment = deploy(broker, names, tmp_path, max_alerts="10", **SOON_MISSED)
    produced: list[tuple[str, dict[str, Any]]] = []
    for number, step in enumerate(("alerts-sent", "changelog-sent", "memory-written")):
        day = datetime.fromisoformat("2026-03-01T00:04:30+00:00") + timedelta(days=number)
        times = [day + timedelta(seconds=2 * second) for second in range(30)]
        fresh = [
            (time.isoformat(), assume_root(f"{USER}mallory", f"{number}{place:011d}", time=time.isoformat()))
            for place, time in enumerate(times)
        ]
        send(deployment, [*produced[-20:], *fresh])
        produced += fresh
        with deployment.worker(command=(sys.executable, CRASHING, step, "1")) as worker:
            worker.process.wait(120)
            assert worker.process.returncode == -9, worker.tail()
        if number % 2:
            shutil.rmtree(deployment.folder / "worker")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    replayed = Played(deployment).backtest("--topic", deployment.names.source_topic)
    assert Counter(alert.get("overflow", False) for alert in replayed) == {False: 60, True: 30}
    assert destinations(deployment) == {
        "alerts": {alert["alert_id"] for alert in replayed if not alert.get("overflow")},
        "alerts.overflow": {alert["alert_id"] for alert in replayed if alert.get("overflow")},
    }
