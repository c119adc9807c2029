"""A worker reads a backlog of large log files within limits of memory, and answers health checks meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from worker_process import accounts, assume_root, wait_for

if TYPE_CHECKING:
    from worker_process import Deployment

FILES = 80
FILE_BYTES = 5_000_000
# An idle worker takes a third of it. The files have 400 MB, of which a worker once held two or three copies.
MOST_MEMORY_MIB = 500


def most_memory(pid: int) -> int:
    """The highest resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_large_files_are_held_within_bounds(deployment: Deployment, compression: str) -> None:
    """A backlog of 80 files of 5 MB is read, each health check is answered, and memory stays within limits."""
    padding = ",".join(json.dumps(assume_root(eventName="GetObject")) for _ in range(FILE_BYTES // 1000))[:FILE_BYTES]
    padding = padding[: padding.rindex("},{")] + "}"
    files = (f'{{"Records":[{json.dumps(assume_root(account=account))},{padding}]}}' for account in accounts(FILES))
    deployment.produce(
        (file.encode() for file in files), **{"compression.type": compression, "message.max.bytes": 20_000_000}
    )
    with deployment.worker() as worker:
        worker.wait_until_ready()

        def done() -> bool:
            assert worker.get("/healthz")[0] == 200
            return deployment.all_done()

        wait_for(done, "all offsets are committed", 240)
        assert most_memory(worker.process.pid) < MOST_MEMORY_MIB
        assert worker.terminate() == 0, worker.tail()
    assert len(deployment.read(f"{deployment.topic}.sightings")) == FILES
