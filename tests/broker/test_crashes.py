"""Whenever a worker dies, nothing is lost and nothing alerts twice under another id (A2, M5, M9)."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from crashing_worker import STEPS
from pairs import assert_each_pair_alerted_under_one_id, records
from worker_process import SOON_MISSED, Deployment, wait_for

CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.settings.update(SOON_MISSED)
    return deployment


@pytest.mark.parametrize("kept", [True, False], ids=["state kept", "state deleted"])
def test_killed_at_each_step(deployment: Deployment, *, kept: bool) -> None:
    """A2: SIGKILL between any two of sending, alert, changelog, memory and commit loses no pair and adds no id."""
    produced: list[dict[str, Any]] = []
    for step in STEPS:
        fresh = list(records(120, tag=f"{step}-"))
        produced += fresh
        deployment.produce(fresh)
        with deployment.worker(command=(sys.executable, CRASHING, step, "1")) as worker:
            worker.process.wait(120)
            assert worker.process.returncode == -9, worker.tail()
        if not kept:
            shutil.rmtree(deployment.folder / "worker")
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments(deployment: Deployment, workers: int) -> None:
    """A2, M9: SIGKILLs under load, with the state kept or deleted, one worker or two: each pair alerts under one id."""
    chance = random.Random(workers)  # noqa: S311  no secret
    produced = list(records(8000, principals=100))
    rounds = 8
    with ExitStack() as running:
        alive = {number: running.enter_context(deployment.worker(f"worker-{number}")) for number in range(workers)}
        for number in range(rounds):
            deployment.produce(produced[number::rounds])
            killed = number % workers
            alive[killed].wait_until_ready()
            with suppress(subprocess.TimeoutExpired):
                alive[killed].process.wait(chance.uniform(0, 1.5))
            assert alive[killed].process.poll() is None, alive[killed].tail()
            alive[killed].kill()
            if number % 3 == 0:
                shutil.rmtree(deployment.folder / f"worker-{killed}")
            alive[killed] = running.enter_context(deployment.worker(f"worker-{killed}"))
        wait_for(deployment.all_done, "all offsets are committed")
    assert_each_pair_alerted_under_one_id(deployment, produced)
