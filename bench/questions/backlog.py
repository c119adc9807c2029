"""Measures a worker on a backlog of large log files: its memory, and how long its health endpoint takes to answer.

    python -m bench.questions.backlog [--files 2000] [--megabytes 5] [--codec none zstd] [--partitions 4]

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka. Without compression it needs as much disk as
all files together.

It fills a topic with log files as CloudTrail writes them, each with an AssumeRoot of its own pair, so that the filter
keeps all of them. A worker reads them, and a second one joins meanwhile. For each compression it prints the seconds
until everything is committed, the longest wait for ``/healthz``, the highest resident memory of each worker, and how
long the second worker waited for its partitions.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from kafka_broker import Names, create_topic
from worker_process import Deployment, Worker, assume_root

from bench import broker

MOST_QUEUED = 20
_PLACE = "000000000000"  # the account in the template


@dataclass
class Watch:
    """A worker as seen from outside."""

    worker: Worker
    longest: float = 0.0
    failed: int = 0
    memory: int = 0
    ended: bool = False

    def run(self) -> None:
        """Ask for health and memory four times per second, until the end."""
        while not self.ended:
            begun = time.monotonic()
            answered, _ = self.worker.get("/healthz")
            self.longest = max(self.longest, time.monotonic() - begun)
            self.failed += answered != HTTPStatus.OK
            self.memory = max(self.memory, resident(self.worker.process.pid))
            time.sleep(0.25)


def resident(pid: int) -> int:
    """The highest resident memory of the process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def template(size: int) -> bytes:
    """A log file of so many bytes, with a placeholder for the account of its AssumeRoot."""
    chance = random.Random(1)  # noqa: S311  no secret
    records = [assume_root(account=_PLACE)]
    length = 0
    while length < size:
        record = {
            **assume_root(event_id=str(uuid.UUID(int=chance.getrandbits(128)))),
            "eventName": chance.choice(["GetObject", "AssumeRole", "DescribeInstances"]),
            "sourceIPAddress": ".".join(str(chance.randrange(256)) for _ in range(4)),
            "requestParameters": {"bucketName": f"bucket-{chance.random()}", "key": f"{chance.random()}"},
            "responseElements": None,
        }
        length += len(json.dumps(record)) + 2
        records.append(record)
    chance.shuffle(records)
    return json.dumps({"Records": records}).encode()


def fill(bootstrap: str, topic: str, files: int, size: int, codec: str) -> None:
    """Fill the topic."""
    head, tail = template(size).split(_PLACE.encode())
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "message.max.bytes": 20_000_000})
    for number in range(files):
        producer.produce(topic, b"%s%012d%s" % (head, number, tail))
        while len(producer) > MOST_QUEUED:
            producer.poll(0.05)
    producer.flush()


def measure(bootstrap: str, topic: str, files: int, folder: Path) -> str:
    """Let workers read the topic; print the measurements."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    folder = folder / name
    folder.mkdir()
    deployment = Deployment(bootstrap, Names(name, name, topic), folder, {"session_timeout": "45s"})
    deployment.apply_topics()
    sightings = f"{name}.sightings"
    begun = time.monotonic()
    with deployment.worker() as first:
        first.wait_until_ready()
        watches = [Watch(first)]
        threading.Thread(target=watches[0].run, daemon=True).start()
        while sum(deployment.ends(sightings).values()) < files // 4:
            time.sleep(0.5)
        with deployment.worker("second") as second:
            joined = time.monotonic()
            second.wait_until_ready(300)
            joined = time.monotonic() - joined
            watches.append(Watch(second))
            threading.Thread(target=watches[1].run, daemon=True).start()
            while not deployment.all_done():
                time.sleep(0.5)
            took = time.monotonic() - begun
            for watch in watches:
                watch.ended = True
            time.sleep(1)
    found = len({message.value() for message in deployment.read(sightings)})
    return f"{took:.0f} s, {found} sightings, second worker ready after {joined:.1f} s; " + "; ".join(
        f"health after {watch.longest:.2f} s at most, {watch.failed} times not well, {watch.memory} MiB"
        for watch in watches
    )


def main() -> None:
    """Measure each compression."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=2000)
    arguments.add_argument("--megabytes", type=float, default=5)
    arguments.add_argument("--partitions", type=int, default=4)
    arguments.add_argument("--codec", nargs="+", default=["none", "zstd"], help="compressions to measure")
    options = arguments.parse_args()
    with broker.bootstrap() as bootstrap, tempfile.TemporaryDirectory() as folder:
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for codec in options.codec:
            topic = f"backlog-{codec}-{uuid.uuid4().hex[:6]}"
            create_topic(bootstrap, topic, options.partitions)
            fill(bootstrap, topic, options.files, round(options.megabytes * 1_000_000), codec)
            said = measure(bootstrap, topic, options.files, Path(folder))
            sys.stdout.write(f"{options.files} files of {options.megabytes} MB, {codec}: {said}\n")
            sys.stdout.flush()
            admin.delete_topics([topic])[topic].result(30)


if __name__ == "__main__":
    main()
