"""The procedures of docs/operations.md work as written, on a real broker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from worker_process import Deployment, assume_root, pairs_of, wait_for

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

GUIDE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
ALICE, BOB = "arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:user/bob"


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=2)
    made = Deployment(broker.bootstrap, names, tmp_path, {"partitions": "2"})
    made.apply_topics()
    return made


def test_more_partitions_without_forgetting(deployment: Deployment) -> None:
    """After stop, apply with new names, warm-up from the old sightings and start, only new pairs alert."""
    with deployment.worker("old") as worker:
        worker.wait_until_ready()
        deployment.produce([assume_root(ALICE), assume_root(BOB)])
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0
    deployment.produce([assume_root(ALICE), assume_root(ALICE, "333333333333")])  # while no worker runs

    new = {"topic_prefix": f"{deployment.topic}-8", "group_id": f"{deployment.names.group_id}-8", "partitions": "8"}
    moved = Deployment(deployment.bootstrap, deployment.names, deployment.folder, new)
    moved.topic = new["topic_prefix"]
    moved.apply_topics()
    seeded = moved.run("warm-up", "--topic", f"{deployment.topic}.sightings")
    assert seeded.returncode == 0, seeded.stderr
    with moved.worker("new") as worker:
        worker.wait_until_ready()
        wait_for(moved.alerts, "an alert")
        deployment.produce([assume_root(BOB)])
        wait_for(lambda: moved.run("state", BOB).stdout.count("\t"), "the worker remembers")
        assert worker.terminate() == 0
    assert pairs_of(moved.alerts()) == {(ALICE, "333333333333")}


def test_dead_letters_are_replayed(deployment: Deployment, tmp_path: Path) -> None:
    """The guide's program sends the dead letters of one reason to the source topic again, each once, and no others."""
    (program,) = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    replay = tmp_path / "replay.py"
    replay.write_text(program)
    lost = assume_root(eventTime=None)
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([b"{cut AssumeRoot", lost])
        wait_for(deployment.all_done, "all offsets are committed")
        source, letters = deployment.names.source_topic, f"{deployment.topic}.dead-letter"
        arguments = [sys.executable, replay, deployment.bootstrap, letters, source, "incomplete"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        assert (done.returncode, done.stdout) == (0, f"1 sent to {source} again\n"), done.stderr
        wait_for(lambda: len(deployment.read(letters)) == 3, "it comes back, as nothing has been fixed")
        assert worker.terminate() == 0
    reasons = [dict(message.headers())["reason"] for message in deployment.read(letters)]
    assert sorted(reasons) == [b"incomplete", b"incomplete", b"malformed"]
    assert len(deployment.read(source)) == 3
