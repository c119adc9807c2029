"""If a worker refuses to start, one line names the cause and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from worker_process import Deployment

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    return Deployment(broker.bootstrap, names, tmp_path)


def test_topics(deployment: Deployment, broker: RunningBroker) -> None:
    """A missing topic, or a wrong number of partitions, is exit 1 and names the topic and the command that fixes it."""
    own = f"{deployment.topic}.sightings"
    broker.create_topic(own, partitions=3)
    done = deployment.run("worker")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"topic {deployment.names.source_topic}: missing" in done.stderr
    assert f"topic {deployment.topic}.alerts: missing" in done.stderr
    assert f"topic {own}: has 3 partitions and must have 4" in done.stderr
    assert "Run `rootwatch topics apply`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [("window", "ten days"), ("partitions", "0"), ("http_port", "none"), ("exceptions", "/nowhere/exceptions.toml")],
)
def test_settings(deployment: Deployment, setting: str, value: str) -> None:
    """A wrong setting is exit 2 and names setting, value and variable."""
    done = deployment.run("worker", **{setting: value})
    assert (done.returncode, done.stdout) == (2, "")
    assert setting in done.stderr
    assert f"ROOTWATCH_{setting.upper()}" in done.stderr
    assert value in done.stderr
    assert "Traceback" not in done.stderr


def test_state_directory(deployment: Deployment, tmp_path: Path) -> None:
    """A state directory that cannot be created or written to is exit 1 and one line that names the setting."""
    (tmp_path / "file").write_text("no directory")
    for place in (tmp_path / "file" / "state", "/proc/state"):
        done = deployment.run("worker", state_dir=str(place))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"rootwatch: state_dir = {place}: cannot be written to")
        assert done.stderr.count("\n") == 1
