"""The feeder of docker-compose.yml."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from worker_process import Deployment

from streams.demo import story

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker


def test_the_feeder_publishes_every_sample_as_of_now(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """All samples are keyed by account and have the present time, because retention would delete records of 2025."""
    broker.create_topic(names.source_topic, 2)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "streams.commands.feed"],
        env=deployment.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    samples = [*story.days_before(), *story.morning()]
    assert (done.returncode, done.stderr) == (0, f"published {len(samples)} messages to {names.source_topic}\n")
    published = deployment.read(names.source_topic)
    expected = sorted((sample.account.encode(), sample.value) for sample in samples)
    assert sorted((message.key(), message.value()) for message in published) == expected
    newest = max(sample.time for sample in samples).timestamp() * 1000
    assert all(message.timestamp()[1] > newest for message in published)
