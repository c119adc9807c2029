"""Faust's own command runs the worker too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from worker_process import Deployment, assume_root, wait_for

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

FAUST = (str(Path(sys.executable).with_name("faust")), "-A", "streams.worker.app", "worker", "-l", "info")


def test_runs_and_checks_like_the_command(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """`faust -A streams.worker.app worker -l info` refuses missing topics (exit 1); with them it alerts."""
    broker.create_topic(names.source_topic)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    with deployment.worker("refused", command=FAUST) as worker:
        assert worker.process.wait(60) == 1
        assert "rootwatch topics apply" in worker.tail()
    deployment.apply_topics()
    with deployment.worker(command=FAUST) as worker:
        worker.wait_until_ready()
        assert b"rootwatch_build" in worker.get("/metrics")[1]
        deployment.produce([assume_root()])
        wait_for(deployment.alerts, "the alert")
        assert worker.terminate() == 0, worker.tail()
