"""Alerts and session summaries as JSON, by real workers on a real broker (``json_alerts``)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from broker_sessions import GRANTED, PRINCIPAL, is_summed_up, replayed, session, sessions
from kafka_broker import Names
from ocsf_schema import validator
from pairs import assert_each_pair_alerted_under_one_id
from worker_process import SOON_MISSED, Deployment, accounts, assume_root, wait_for

from streams.wire.alert_formats.formats import FORMATS, to_bytes
from streams.wire.sessions.published import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka_broker import RunningBroker

AVRO = ("alerts", "alerts.overflow", "session-summaries")
CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")


def in_avro(deployment: Deployment) -> dict[bytes, list[tuple[Any, bytes]]]:
    """What is in Avro, by key: the headers, and the JSON document that it should be."""
    form = FORMATS[deployment.settings["json_alerts"]]  # type: ignore[index]
    found: dict[bytes, list[tuple[Any, bytes]]] = {}
    for topic in ("alerts", "alerts.overflow"):
        messages = deployment.read(f"{deployment.topic}.{topic}")
        for message, alert in zip(messages, deployment.alerts(topic), strict=True):
            document = to_bytes(form.alert(alert, overflow=topic != "alerts"))
            found.setdefault(message.key(), []).append((message.headers(), document))
    for message in deployment.read(f"{deployment.topic}.session-summaries"):
        document = to_bytes(form.summary(SUMMARY.read(message.value())))
        found.setdefault(message.key(), []).append((message.headers(), document))
    return found


def as_json(deployment: Deployment) -> dict[bytes, list[tuple[Any, bytes]]]:
    """What is on the topic of JSON, by key: the headers and the document."""
    found: dict[bytes, list[tuple[Any, bytes]]] = {}
    for message in deployment.read(f"{deployment.topic}.alerts.json"):
        found.setdefault(message.key(), []).append((message.headers(), message.value()))
    return found


def deployed(broker: RunningBroker, names: Names, folder: Path, **settings: str) -> Deployment:
    """A deployment of its own that reads the test's source topic, with its topics."""
    form = settings["json_alerts"]
    folder /= form
    folder.mkdir()
    own = Names(f"{names.topic_prefix}-{form}", f"{names.group_id}-{form}", names.source_topic)
    made = Deployment(broker.bootstrap, own, folder, {"session_grace": "1s", "partitions": "2", **settings})
    made.apply_topics()
    return made


def test_every_format_live(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """Workers of each format write every alert, overflow and summary under the keys and headers of Avro (A2, A3).

    Each document is that of the Avro record beside it, and findings are valid OCSF.
    """
    broker.create_topic(names.source_topic, partitions=3)
    made = {name: deployed(broker, names, tmp_path, json_alerts=name, max_alerts="2") for name in FORMATS}
    with ExitStack() as running:
        workers = [running.enter_context(each.worker()) for each in made.values()]
        for worker in workers:
            worker.wait_until_ready()
        others = [assume_root(PRINCIPAL, account, time=GRANTED, responseElements=None) for account in accounts(3)]
        made["native"].produce([*session("ASIAEXAMPLE"), *others])
        for name, each in made.items():
            wait_for(partial(each.read, f"{each.topic}.session-summaries"), f"{name}: the session is summed up")
            wait_for(each.all_done, f"{name}: all offsets are committed")
        for worker in workers:
            assert worker.terminate() == 0, worker.tail()
    for name, each in made.items():
        written = as_json(each)
        assert written == in_avro(each), name
        kinds = Counter(KIND[name](json.loads(value)) for found in written.values() for _, value in found)
        assert (kinds["alert"], kinds["overflow"]) == (2, 2), name
        assert kinds["summary"] >= 1, name
        assert printed(each, name) == expected_lines(each, name)
    for found in as_json(made["ocsf"]).values():
        for _, value in found:
            validator().validate(json.loads(value))


# Which kind a document is of, as the table of docs/alerts.md says.
KIND: dict[str, Callable[[Any], str]] = {
    "native": lambda found: "summary" if "summary" in found else "overflow" if "overflow" in found else "alert",
    "ecs": lambda found: {"alerts": "alert", "overflow": "overflow", "sessions": "summary"}[
        found["event"]["dataset"].removeprefix("rootwatch.")
    ],
    "ocsf": lambda found: {True: "alert", False: "overflow", None: "summary"}[found.get("is_alert")],
}


def printed(deployment: Deployment, name: str) -> list[Any]:
    """What ``rootwatch alerts --format NAME --sessions`` prints, in an order of its own."""
    done = deployment.run("alerts", "--format", name, "--sessions")
    assert done.returncode == 0, done.stderr
    return sorted((json.loads(line) for line in done.stdout.splitlines()), key=str)


def expected_lines(deployment: Deployment, name: Any) -> list[Any]:
    """The documents of all alerts but overflow, and of the last summary of their sessions, in the same order."""
    alerts = deployment.alerts()
    found = [FORMATS[name].alert(alert, overflow=False) for alert in alerts]
    messages = deployment.read(f"{deployment.topic}.session-summaries")
    last = max((SUMMARY.read(message.value()) for message in messages), key=lambda summary: summary["revision"])
    if last["alert_id"] in {alert["alert_id"] for alert in alerts}:
        found.append(FORMATS[name].summary(last))
    return sorted((json.loads(to_bytes(document)) for document in found), key=str)


# The broker has acknowledged one record of this kind, and the worker is killed before it sends the next one. With the
# first two, one record is in Avro alone.
@pytest.mark.parametrize("step", ["one-alerts", "one-session-summaries", "one-json"])
def test_killed_between_both_topics(broker: RunningBroker, names: Names, tmp_path: Path, step: str) -> None:
    """A2: SIGKILL between the acknowledgements of Avro and of JSON loses neither, and both have the same ids.

    An alert that was sent in Avro alone is not remembered. So it comes again, with its JSON form.
    """
    broker.create_topic(names.source_topic, partitions=3)
    deployment = deployed(broker, names, tmp_path, json_alerts="ecs", **SOON_MISSED)
    produced = list(sessions(3))
    deployment.produce(produced)
    with deployment.worker(command=(sys.executable, CRASHING, step, "1")) as worker:
        worker.process.wait(120)
        assert worker.process.returncode == -9, worker.tail()
    avro, in_json = keys(deployment)
    assert bool(avro - in_json) or step == "one-json"
    if step == "one-alerts":
        assert deployment.read(f"{deployment.names.group_id}-memory-changelog") == []
    expected = replayed(deployment, produced)
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(lambda: is_summed_up(deployment, expected), "all sessions are summed up")
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    avro, in_json = keys(deployment)
    assert avro == in_json
    assert len(avro) == 2 * 3
    assert_each_pair_alerted_under_one_id(deployment, [one for one in produced if one["eventName"] == "AssumeRoot"])


def keys(deployment: Deployment) -> tuple[set[bytes], set[bytes]]:
    """The keys of alerts and summaries in Avro, and those as JSON."""
    avro = (message.key() for name in AVRO for message in deployment.read(f"{deployment.topic}.{name}"))
    return set(avro), {message.key() for message in deployment.read(f"{deployment.topic}.alerts.json")}
