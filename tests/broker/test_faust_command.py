"""Faust's own command can run the worker."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

FAUST_GAUGES = (str(Path(sys.executable).with_name("faust")), "-A", "streams.worker.app", "worker", "-l", "info")


def test_runs_and_checks_like_the_command(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """`faust -A streams.worker.app worker -l info` exits with 1 if topics are missing; with all topics it alerts.

    Its log has this project's form even at level `debug`, without record bodies.
    """
    broker.create_topic(names.source_topic)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    with deployment.worker("refused", command=FAUST_GAUGES) as worker:
        assert worker.process.wait(120) == 1
        assert "rootwatch topics apply" in worker.tail()
    deployment.apply_topics()
    talkative = (*FAUST_GAUGES[:-1], "debug")
    with deployment.worker(command=talkative, log_format="json") as worker:
        worker.wait_until_ready()
        assert b"rootwatch_build" in worker.get("/metrics")[1]
        deployment.produce([assume_root(), b"{cut a-record-body AssumeRoot", assume_root(errorMessage="a-record-body")])
        wait_for(deployment.all_done, "all offsets are committed")
        (alert,) = deployment.alerts()
        assert worker.terminate() == 0, worker.tail()
    # Faust's banner goes to stdout. Messages of Faust and aiokafka at this level would show records.
    logged = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    assert alert["alert_id"] in [entry.get("alert_id") for entry in logged if entry["event"] == "alert"]
    assert "a-record-body" not in worker.log.read_text()
    assert "requestParameters" not in worker.log.read_text()
