"""A backlog of large log files on the real broker: it is read within bounds, and the worker answers all the while."""

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
# Of it, a worker with nothing to do takes a third. All the files are 400 MB, and were held two or three times.
MOST_MEMORY_MIB = 500


def most_memory(pid: int) -> int:
    """MiB that a process has held at most."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_large_files_are_held_within_bounds(deployment: Deployment, compression: str) -> None:
    """Eighty files of 5 MB that wait are all read, each request for health is answered, and memory stays bounded."""
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
