"""A long chaos test: ``python tests/soak.py [--minutes 10] [--seed 1]``, on a Kafka of its own.

Two workers run under load. At random, a worker is killed, stopped or started again, its state directory is deleted, its
disk (a small tmpfs) is full until that has stopped it, or the broker is stopped for a while. Every pair is sighted
several times, each time by a new record. At the end every pair must have an alert, and all its alerts the same id (A2,
M5, M9). Otherwise the exit code is 1, the output says what is wrong, and the logs stay. The last line counts the
events.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kafka_broker import Broker, Names, create_topic, running
from pairs import assert_each_pair_alerted_under_one_id, records
from small_disk import MEBIBYTE, NoSmallDiskError, small_disk
from worker_process import Deployment, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from small_disk import SmallDisk
    from worker_process import Worker

WORKERS = ("worker-0", "worker-1")
ON_SMALL_DISK = WORKERS[0]
DISK_BYTES = 64 * MEBIBYTE
PAIRS_A_ROUND = 400


class Soak:
    """One deployment, its workers, and the records that were sent."""

    def __init__(
        self, broker: Broker, folder: Path, disk: SmallDisk | None, chance: random.Random, stack: ExitStack
    ) -> None:
        self._broker = broker
        self._disk = disk
        self._chance = chance
        self._stack = stack
        name = f"soak-{uuid.uuid4().hex[:8]}"
        self.deployment = Deployment(broker.bootstrap, Names(name, name, f"cloudtrail-{name}"), folder)
        self.produced: list[dict[str, Any]] = []
        self._sent = 0
        self._workers: dict[str, Worker] = {}
        # Twice, so that kills are as frequent as everything else together.
        self._acts: list[Callable[[], None]] = [self._kill, self._kill, self._kill_and_forget, self._terminate]
        self._acts += [self._broker_away] if disk is None else [self._broker_away, self._fill_disk]
        self.done = {act.__name__.strip("_"): 0 for act in self._acts}

    def begin(self) -> None:
        """Create the topics and start the workers."""
        create_topic(self._broker.bootstrap, self.deployment.names.source_topic, 3)
        self.deployment.apply_topics()
        for name in WORKERS:
            self._start(name)

    def round(self) -> None:
        """Send new pairs and some of the old ones again, then do one random thing."""
        self._send()
        time.sleep(self._chance.uniform(0, 3))
        act = self._chance.choice(self._acts)
        act()
        self.done[act.__name__.strip("_")] += 1

    def end(self) -> None:
        """Wait until everything is handled, then check every pair."""
        wait_for(self.deployment.all_done, "all offsets are committed", 180)
        assert_each_pair_alerted_under_one_id(self.deployment, self.produced)

    def _send(self) -> None:
        fresh = list(records(PAIRS_A_ROUND, tag=f"{self._sent}-"))
        old = self._chance.sample(self.produced, min(len(self.produced), PAIRS_A_ROUND // 4))
        self.produced += fresh
        self._sent += 1
        again = [{**record, "eventTime": "2026-03-02T10:00:00Z", "eventID": str(uuid.uuid4())} for record in old]
        self.deployment.produce([*fresh, *again])

    def _state(self, name: str) -> Path:
        folder = self._disk.folder if self._disk and name == ON_SMALL_DISK else self.deployment.folder
        return folder / name

    def _start(self, name: str) -> None:
        state = str(self._state(name))
        self._workers[name] = self._stack.enter_context(self.deployment.worker(name, state_dir=state))

    def _running(self, name: str) -> Worker:
        worker = self._workers[name]
        if worker.process.poll() is not None:
            raise AssertionError(f"{name} ended by itself with {worker.process.returncode}:\n{worker.tail()}")
        return worker

    def _end(self, how: str) -> str:
        name = self._chance.choice(WORKERS)
        worker = self._running(name)
        if how == "kill":
            worker.kill()
        elif (code := self._terminate_when_ready(worker)) != 0:
            raise AssertionError(f"{name} was terminated and ended with {code}:\n{worker.tail()}")
        return name

    def _terminate_when_ready(self, worker: Worker) -> int:
        worker.wait_until_ready(120)  # before, nothing may handle the signal
        return worker.terminate()

    def _kill(self) -> None:
        self._start(self._end("kill"))

    def _kill_and_forget(self) -> None:
        name = self._end("kill")
        shutil.rmtree(self._state(name), ignore_errors=True)
        self._start(name)

    def _terminate(self) -> None:
        self._start(self._end("stop"))

    def _broker_away(self) -> None:
        self._broker.stop()
        time.sleep(self._chance.uniform(0, 10))
        self._broker.start()

    def _fill_disk(self) -> None:
        assert self._disk is not None
        worker = self._running(ON_SMALL_DISK)
        before = worker.log.stat().st_size
        self._disk.fill(leaving=self._chance.choice([0, 0, 50_000, 250_000]))
        until = time.monotonic() + 120
        while worker.process.poll() is None and time.monotonic() < until:
            self._send()  # it has something to write, wherever the partitions are by now
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(5)
        if worker.process.poll() != 1 or b"No space left on device" not in worker.log.read_bytes()[before:]:
            raise AssertionError(f"a full disk ended {ON_SMALL_DISK} with {worker.process.poll()}:\n{worker.tail()}")
        self._disk.make_room()
        self._start(ON_SMALL_DISK)


def main() -> int:
    """Run it; return the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rootwatch-soak-"))
    say = sys.stderr.write
    with ExitStack() as stack:
        broker = stack.enter_context(running(Broker(folder / "kafka", heap="512m")))
        try:
            disk = stack.enter_context(small_disk(folder / "disk", DISK_BYTES))
        except NoSmallDiskError as reason:
            disk = None
            say(f"no disk will be filled: {reason}\n")
        soak = Soak(broker, folder, disk, random.Random(options.seed), stack)  # noqa: S311  no secret
        soak.begin()
        until = time.monotonic() + options.minutes * 60
        try:
            while time.monotonic() < until:
                soak.round()
                say(f"round {sum(soak.done.values())}: {len(soak.produced)} pairs, {soak.done}\n")
            soak.end()
        except AssertionError as wrong:
            say(f"{wrong}\nlogs are in {folder}\n")
            return 1
    say(f"every one of {len(soak.produced)} pairs has its alert, under one id; {soak.done}\n")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
