"""Measures a worker that follows many root sessions at once.

    python -m bench.questions.sessions [--sessions 10000] [--actions 100] [--probes 2000]

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka.

In turn:

* a worker without sessions, to compare with;
* the worker takes that many grants, then that many actions per session, which it joins;
* with all sessions open, single actions come, each a little after the last one: from the moment when it is sent to the
  moment when a consumer has its activity;
* the worker is stopped and started again: with its state, then with an empty disk.

It prints seconds, rates, processor seconds, the resident memory at the highest, and ratios to the worker without
sessions.
"""

# ruff: noqa: T201  a script that prints

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker_sessions import action, grant
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_broker import Names, RunningBroker
from worker_process import Deployment, wait_for

from bench import broker
from bench.watch import peak_memory, processor_seconds
from streams.wire.sessions.published import ACTIVITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_process import Worker

PARTITIONS = 8
PAUSE = 0.005  # between two probes: 200 a second
CALLS = ("GetBucketPolicy", "ListBucket", "GetBucketAcl", "DeleteBucketPolicy")


def key(number: int) -> str:
    """The key id of a session."""
    return f"ASIA{number:016d}"


def account(number: int) -> str:
    """The member account of a session."""
    return f"{300_000_000_000 + number}"


def actions(sessions: int, each: int) -> Iterator[dict[str, Any]]:
    """The actions of all sessions, in turn."""
    for turn in range(each):
        for number in range(sessions):
            name = CALLS[turn % len(CALLS)]
            yield action(name, f"{number}-{turn}", 1 + turn % 800, key(number), account(number))


class Bench:
    """One deployment and its worker."""

    def __init__(self, deployment: Deployment, sessions: int, each: int) -> None:
        self._deployment = deployment
        self._sessions = sessions
        self._each = each
        self._idle: float | None = None

    def run(self, probes: int) -> None:
        """Run all steps in turn."""
        print(f"{self._sessions} sessions with {self._each} actions each, in {PARTITIONS} partitions", flush=True)
        with self._worker("start without sessions") as worker:
            self._joined(worker, "grants", (grant(key(n), account(n)) for n in range(self._sessions)), "opened")
            self._joined(worker, "actions", actions(self._sessions, self._each), "joined")
            self._probe(probes)
            self._show("all open", worker)
            worker.terminate()
        with self._worker("start with its state") as worker:
            worker.terminate()
        shutil.rmtree(self._deployment.folder / "worker")
        with self._worker("start with an empty disk"):
            pass

    def _worker(self, what: str) -> Any:
        return Started(self._deployment, self, what)

    def _joined(self, worker: Worker, what: str, records: Iterator[dict[str, Any]], outcome: str) -> None:
        count = self._sessions * (self._each if outcome == "joined" else 1)
        begun, used = time.perf_counter(), processor_seconds([worker.process.pid])
        self._deployment.produce(records, **{"queue.buffering.max.messages": 2_000_000})
        produced = time.perf_counter() - begun
        wait_for(lambda: outcomes(worker, outcome) >= count, f"{count} {outcome}", 3600)
        seconds, used = time.perf_counter() - begun, processor_seconds([worker.process.pid]) - used
        print(
            f"  {what:<26} {seconds:6.1f} s  {count / seconds:9,.0f}/s  processor {used:6.1f} s "
            f"({used / count * 1e6:5.0f} µs each; produced in {produced:.1f} s)",
            flush=True,
        )

    def _probe(self, probes: int) -> None:
        """Send single actions, and note when the activity of each is there, by the clock of this process."""
        topic = f"{self._deployment.topic}.activity"
        ends = self._deployment.ends(topic)
        consumer = Consumer({"bootstrap.servers": self._deployment.bootstrap, "group.id": str(uuid.uuid4())})
        consumer.assign([TopicPartition(topic, number, end) for number, end in ends.items()])
        producer = Producer({"bootstrap.servers": self._deployment.bootstrap, "linger.ms": 0})
        sent: dict[str, float] = {}
        taken: list[float] = []

        def collect() -> None:
            for message in consumer.consume(1000, timeout=0):
                now = time.perf_counter()
                event = ACTIVITY.read(message.value())["event"]["id"]
                if event in sent:
                    taken.append(now - sent.pop(event))

        for probe in range(probes):
            number = probe * 7919 % self._sessions
            value = action("GetBucketPolicy", f"probe-{probe}", 850, key(number), account(number))
            sent[value["eventID"]] = time.perf_counter()
            producer.produce(self._deployment.names.source_topic, json.dumps(value).encode())
            until = time.perf_counter() + PAUSE
            while time.perf_counter() < until:
                producer.poll(0)
                collect()
                time.sleep(0.0005)
        wait_for(lambda: collect() or not sent, "all activity is there", 120)
        consumer.close()
        taken.sort()
        p50, p99 = (taken[int(len(taken) * part)] * 1000 for part in (0.5, 0.99))
        print(f"  {'action to activity':<26} p50 {p50:.0f} ms  p99 {p99:.0f} ms  longest {taken[-1] * 1000:.0f} ms")

    def show_start(self, what: str, worker: Worker, seconds: float) -> None:
        """Print what a start took."""
        self._idle = self._idle or seconds
        print(
            f"  {what:<26} {seconds:6.1f} s ({seconds / self._idle:.1f} times)  "
            f"processor {processor_seconds([worker.process.pid]):6.1f} s  "
            f"peak {peak_memory(worker.process.pid):4.0f} MiB",
            flush=True,
        )

    def _show(self, what: str, worker: Worker) -> None:
        peak, now = peak_memory(worker.process.pid), resident(worker)
        opened = gauge(worker, "sessions_open")
        size = sum(file.stat().st_size for file in (self._deployment.folder / "worker").rglob("*") if file.is_file())
        print(f"  {what:<26} {opened:.0f} open  now {now:.0f} MiB, peak {peak:.0f} MiB, on disk {size / 2**20:.0f} MiB")


class Started:
    """A worker from its start until it has looked at what is due, which reads the table once."""

    def __init__(self, deployment: Deployment, bench: Bench, what: str) -> None:
        self._running = deployment.worker("worker")
        self._bench = bench
        self._what = what

    def __enter__(self) -> Worker:
        """Start it and print."""
        begun = time.perf_counter()
        worker = self._running.__enter__()
        worker.wait_until_ready(600)
        gauge(worker, "sessions_open")  # reads the table, unless the closer has
        self._bench.show_start(self._what, worker, time.perf_counter() - begun)
        return worker

    def __exit__(self, *failure: object) -> None:
        """End it."""
        self._running.__exit__(*failure)


def outcomes(worker: Worker, outcome: str) -> float:
    """How many items of the sessions had this outcome since the worker started."""
    return sample(worker, f'rootwatch_session_items_total{{outcome="{outcome}"}} ')


def gauge(worker: Worker, name: str) -> float:
    """The present value of a gauge."""
    return sample(worker, f"rootwatch_{name} ")


def sample(worker: Worker, name: str) -> float:
    """The value of a metric's sample; 0 if there is none."""
    lines = worker.get("/metrics")[1].decode().splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


def resident(worker: Worker) -> float:
    """The resident memory of a worker, in MiB."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Run the measurement."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sessions", type=int, default=10_000)
    arguments.add_argument("--actions", type=int, default=100)
    arguments.add_argument("--probes", type=int, default=2_000)
    options = arguments.parse_args()
    name = f"bench-sessions-{uuid.uuid4().hex[:8]}"
    with broker.bootstrap() as bootstrap, tempfile.TemporaryDirectory() as folder:
        settings = {"partitions": str(PARTITIONS), "standby_replicas": "0", "session_grace": "12h"}
        deployment = Deployment(bootstrap, Names(name, name, f"{name}-cloudtrail"), Path(folder), settings)
        RunningBroker(bootstrap).create_topic(deployment.names.source_topic, partitions=4)
        deployment.apply_topics()
        Bench(deployment, options.sessions, options.actions).run(options.probes)


if __name__ == "__main__":
    main()
