"""If its disk is full, a worker stops and says what to do; once there is room, a new start goes on (A2).

The disk is a small tmpfs. If this machine cannot mount one, the test is skipped. The test in ``test_failures`` that
limits the size of files runs everywhere.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pairs import alerts_sent, assert_commits_are_kept, assert_each_pair_alerted_under_one_id, records
from worker_process import Deployment, Worker, wait_for

if TYPE_CHECKING:
    from small_disk import SmallDisk


def assert_stops_and_says_why(worker: Worker, state_dir: str) -> None:
    """Assert that the worker ends with 1 and one line that names the directory, the system's reason and the fix."""
    assert worker.process.wait(120) == 1, worker.tail()
    log = worker.log.read_text()
    (failed,) = [line for line in log.splitlines() if "worker.failed" in line]
    assert f"state_dir = {state_dir}: cannot be written to: " in failed
    assert "No space left on device; make room on its disk, then start again: nothing is lost" in failed
    assert "Traceback" not in log


def test_disk_fills(deployment: Deployment, disk: SmallDisk) -> None:
    """A2: a disk that is full at work, at the start or in recovery costs only time.

    Nothing is committed that is missing in the changelog. With room again a worker goes on, and each pair has its alert
    under one id.
    """
    state_dir = str(disk.folder / "state")
    produced = list(records(3000, principals=100))
    with deployment.worker("fills", state_dir=state_dir) as worker:
        worker.wait_until_ready()
        deployment.produce(produced[:1000])
        wait_for(deployment.all_done, "all offsets are committed")
        deployment.produce(produced[1000:2000])
        wait_for(lambda: alerts_sent(worker) > 1000, "the worker is in the middle of it")
        disk.fill()
        deployment.produce(produced[2000:])
        assert_stops_and_says_why(worker, state_dir)
    assert_commits_are_kept(deployment)

    disk.fill()  # an ending worker may have left a free page
    refused = deployment.run("worker", state_dir=state_dir)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        f"rootwatch: state_dir = {state_dir}: cannot be written to: No space left on device; "
    )
    assert len(refused.stderr.splitlines()) == 1

    shutil.rmtree(state_dir)
    disk.fill(leaving=250_000)  # enough for empty stores, but not for the changelog's content
    with deployment.worker("restores", state_dir=state_dir) as worker:
        assert_stops_and_says_why(worker, state_dir)

    disk.make_room()
    with deployment.worker("fixed", state_dir=state_dir) as worker:
        worker.wait_until_ready()
        wait_for(deployment.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert_each_pair_alerted_under_one_id(deployment, produced)
