"""Whenever a worker dies or partitions move, what is published of root sessions is what a replay gives (A2, S3, S9)."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from broker_sessions import activities, is_summed_up, replayed, sessions, summaries
from crashing_worker import SESSION_STEPS
from worker_process import SOON_MISSED, wait_for

if TYPE_CHECKING:
    from worker_process import Deployment

CRASHING = str(Path(__file__).parents[1] / "crashing_worker.py")
HALF = len(SESSION_STEPS) // 2


@pytest.fixture(name="deployment")
def hasty(deployment: Deployment) -> Deployment:
    """A deployment whose sessions are summed up a second after they are over, with a standby."""
    deployment.settings.update(SOON_MISSED, session_grace="1s", standby_replicas="1")
    return deployment


@pytest.mark.parametrize("kept", [True, False], ids=["state kept", "state deleted"])
@pytest.mark.parametrize("steps", [SESSION_STEPS[:HALF], SESSION_STEPS[HALF:]], ids=["coming in", "going out"])
def test_killed_at_each_step(deployment: Deployment, steps: tuple[str, ...], *, kept: bool) -> None:
    """A2, S3: SIGKILL between any two writes loses neither grant, candidate, activity nor summary, and changes none.

    Each session has its own account: which session of a pair has its alert depends on the order of partitions (M9).
    """
    produced: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        fresh = list(sessions(5, tag=f"{number}-", first=5 * number))
        produced += fresh
        deployment.produce(fresh)
        with deployment.worker(command=(sys.executable, CRASHING, step, "1")) as worker:
            worker.process.wait(120)
            assert worker.process.returncode == -9, worker.tail()
        if not kept:
            shutil.rmtree(deployment.folder / "worker")
    expected = replayed(deployment, produced)
    assert len(expected[1]) == 5 * len(steps)
    with deployment.worker() as worker:
        worker.wait_until_ready()
        wait_for(lambda: is_summed_up(deployment, expected), "all sessions are summed up")
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    repeats = [(one["session_id"], one["revision"]) for one in summaries(deployment)]
    assert {revision for _, revision in repeats} <= set(range(len(steps) + 2))


def test_workers_come_and_go(deployment: Deployment) -> None:
    """A2, S9, S10: sessions move with their partitions, to a worker that joins and to the standby of a killed one.

    Whoever has a session then joins its late actions and sums it up, and a worker that gets it back does so too.
    """
    produced = list(sessions(12))
    expected = replayed(deployment, produced)
    quarter = len(produced) // 4  # the actions before the grants; the grants; the others
    with ExitStack() as running:
        first = running.enter_context(deployment.worker("first"))
        first.wait_until_ready()
        deployment.produce(produced[: 2 * quarter])
        wait_for(lambda: len(activities(deployment)) == quarter, "the first worker has joined what there is")

        second = running.enter_context(deployment.worker("second"))
        second.wait_until_ready()
        first.wait_until_ready()
        deployment.produce(produced[2 * quarter : 3 * quarter])
        wait_for(lambda: len(activities(deployment)) == 2 * quarter, "both have joined more")

        second.kill()
        deployment.produce(produced[3 * quarter :])
        wait_for(lambda: is_summed_up(deployment, expected), "all sessions are summed up")
        wait_for(deployment.all_done, "all offsets are committed")
        assert first.terminate() == 0, first.tail()
