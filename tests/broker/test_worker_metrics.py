"""A live worker's metrics, health and first log lines."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

from metric_catalogue import catalogue
from prometheus_client.parser import text_string_to_metric_families
from worker_process import Deployment, Worker, assume_root, wait_for


def samples(worker: Worker) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The samples of every series by their labels, sorted."""
    status, text = worker.get("/metrics")
    assert status == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def total(worker: Worker, name: str, **labels: str) -> float:
    """The sum of a series' samples with these labels."""
    return sum(value for found, value in samples(worker).get(name, {}).items() if labels.items() <= dict(found).items())


def no_lag(worker: Worker) -> set[str]:
    """The topics of which a worker knows the lag, if the lag of each is 0."""
    lag = samples(worker).get("rootwatch_consumer_lag", {})
    return set() if any(lag.values()) else {dict(labels)["topic"] for labels in lag}


def disk_bytes(deployment: Deployment) -> int:
    """The bytes of the worker's stores. While it works, files grow and disappear between two readings."""
    size = 0
    for file in deployment.folder.glob("worker/v*/tables/memory-*.db/*"):
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def test_a_worker_exposes_its_whole_catalogue_and_nothing_else(deployment: Deployment) -> None:
    """Exactly the metrics of the catalogue are served, with HELP and TYPE, and the values fit what was sent.

    Counters that may stay silent begin at zero, so that their rate exists.
    """
    # A worker that lost its partitions would fetch and count everything again.
    deployment.settings["session_timeout"] = "60s"
    old = assume_root(time="2026-02-01T08:00:00Z")
    values = [old, assume_root(), assume_root(account="333333333333"), assume_root(errorCode="AccessDenied")]
    unlike = [b"no mark", b"{cut AssumeRoot", {**assume_root(), "eventTime": None}]
    source = deployment.names.source_topic
    with deployment.worker() as worker:
        worker.wait_until_ready()
        assert samples(worker)["rootwatch_messages_total"] == {(("topic", source),): 0}
        assert set(samples(worker)["rootwatch_send_failures_total"].values()) == {0}
        deployment.produce([*values, *unlike])
        wait_for(deployment.all_done, "all offsets are committed")
        text = worker.get("/metrics")[1].decode()
        for metric in catalogue():
            kind = "gauge" if metric.kind == "info" else metric.kind  # as the text format shows it
            assert f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {kind}\n" in text
        named = {series for metric in catalogue() for series in metric.series}
        assert {name for name in samples(worker) if name not in named} == set()

        assert total(worker, "rootwatch_messages_total", topic=source) == len(values) + len(unlike)
        assert total(worker, "rootwatch_passed_over_total") == 1
        assert total(worker, "rootwatch_dead_letters_total", reason="malformed") == 1
        assert total(worker, "rootwatch_dead_letters_total", reason="incomplete") == 1
        assert total(worker, "rootwatch_sightings_total") == total(worker, "rootwatch_decided_total") == 3
        assert total(worker, "rootwatch_sent_total", topic=f"{deployment.topic}.alerts") == len(deployment.alerts())
        read = {source, *(f"{deployment.topic}.{name}" for name in ("sightings", "sessions"))}
        wait_for(lambda: no_lag(worker) == read, "nothing is left of any topic")
        wait_for(lambda: total(worker, "rootwatch_memory_disk_bytes") == disk_bytes(deployment), "the sizes agree")

        status, body = worker.get("/readyz")
        ready = json.loads(body)
        assert (status, ready["ready"], ready["registry"]) == (200, True, None)
        assert ready["recovery_remaining"] == {"active": 0, "standby": 0}
        assert (ready["baseline"]["state"], ready["baseline"]["learn_until"]) == ("live", None)
        status, body = worker.get("/healthz")
        assert (status, json.loads(body)["healthy"]) == (200, True)
        assert worker.get("/anything-else")[0] == 404
        assert "baseline.empty" in worker.log.read_text()


def test_learning_shows_and_a_taken_port_stops_nothing(deployment: Deployment) -> None:
    """While learning, the log says so and does not warn; a taken http_port is only an error in the log."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with deployment.worker(http_port=port, learn_until="2100-01-01", log_format="json") as worker:
            deployment.produce([assume_root()])
            wait_for(deployment.all_done, "all offsets are committed")
            assert worker.terminate() == 0, worker.tail()
    events = {entry["event"]: entry for entry in map(json.loads, worker.log.read_text().splitlines())}
    assert events["http.unavailable"]["level"] == "error"
    assert (events["baseline"]["state"], events["baseline"]["learn_until"]) == ("learning", "2100-01-01T00:00:00.000Z")
    assert "baseline.empty" not in events
    assert deployment.alerts() == []
