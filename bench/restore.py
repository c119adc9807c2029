"""Measures a worker that has lost its disk: a cold restore of its memory from the changelog.

    python bench/restore.py [--pairs 1000000] [--codec zstd] [--runs 3]

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka.

It fills a changelog like workers do: tuples of 20 rules, 100 of each group and its summary, compressed with zstd. Then,
in turn:

* a plain confluent-kafka consumer only reads it;
* a worker with an empty ``state_dir`` restores it, from the start of its process until ``/readyz`` is 200;
* the same worker starts again with its table, to measure a start that restores nothing.

It prints seconds, records per second, processor seconds and the highest resident memory of each.
"""

# ruff: noqa: T201  a script that prints

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import uuid
from multiprocessing import get_context
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import broker
from kafka_broker import Names, RunningBroker
from worker_process import Deployment, Worker

from streams.detection.group_summary import GroupSummary
from streams.detection.memory import TupleMemory
from streams.settings import Settings
from streams.wire.memory import encode_group, encode_tuple, group_key, tuple_key

PARTITIONS = 8
ACCOUNTS = 100
RULES = 20
START = 1_767_225_600_000  # 2026-01-01 UTC, in milliseconds
MOST_QUEUED = 150_000
RULE = Settings().load_rules().rules[0]


def fill(bootstrap: str, topic: str, pairs: int, codec: str) -> None:
    """Fill a changelog with so many pairs; for a restore the partition of a principal does not matter."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 512 * 1024,
            "compression.type": codec,
            "queue.buffering.max.messages": 200_000,
        }
    )
    group: list[TupleMemory] = []
    for number in range(pairs):
        principal, account = divmod(number, ACCOUNTS)
        first = START + 977 * number
        values = (f"arn:aws:iam::{principal % 97:012d}:role/service/job-{principal}", f"{account * 7919:012d}")
        rule_id, terms = f"rule-{principal % RULES}", RULE.terms_fingerprint
        remembered = TupleMemory(first_seen=first, last_seen=first + 3_600_000 * (number % 24), times_seen=3)
        key, value = tuple_key(rule_id, terms, values), encode_tuple(remembered)
        producer.produce(topic, value, key, partition=principal % PARTITIONS)
        group.append(remembered)
        if account == ACCOUNTS - 1:
            key, value = group_key(rule_id, terms, values[0]), encode_group(GroupSummary.of(group))
            producer.produce(topic, value, key, partition=principal % PARTITIONS)
            group = []
        if number % 5000 == 0:
            producer.poll(0)
        while len(producer) > MOST_QUEUED:
            producer.poll(0.1)
    if producer.flush(60):
        raise SystemExit("the broker did not take the changelog")


def plain(bootstrap: str, topic: str, pairs: int) -> None:
    """Read the changelog with a plain consumer and print, in a process of its own, whose resources are measured."""
    begun = time.perf_counter()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 1,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    seen = 0
    while seen < pairs:
        seen += len(consumer.consume(10_000, timeout=1))
    seconds = time.perf_counter() - begun
    consumer.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    show("plain confluent-kafka", pairs, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def restore(deployment: Deployment, pairs: int, name: str) -> None:
    """Start a worker without its table, then with it; wait until it is ready, and print."""
    for start, restored in (("worker without its table", pairs), ("worker with its table", 0)):
        begun = time.perf_counter()
        with deployment.worker(name) as worker:
            worker.wait_until_ready(600)
            seconds = time.perf_counter() - begun
            entries = json.loads(worker.get("/readyz")[1])["baseline"]["estimated_entries"]
            if entries < pairs:
                raise SystemExit(f"ready with {entries} of {pairs} pairs")
            show(start, restored, seconds, processor_seconds(worker), peak_memory(worker))
            worker.terminate()


def processor_seconds(worker: Worker) -> float:
    """Processor seconds that a worker has used so far."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory(worker: Worker) -> float:
    """The highest resident memory of a worker so far, in MiB."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def show(who: str, pairs: int, seconds: float, processor: float, memory: float) -> None:
    """Print one line of the comparison."""
    speed = f"{pairs / seconds:9,.0f}/s" if pairs else " " * 11
    print(f"  {who:<24} {seconds:6.1f} s  {speed}  processor {processor:5.1f} s  peak {memory:4.0f} MiB", flush=True)


def compare(bootstrap: str, pairs: int, codec: str, runs: int) -> None:
    """Fill a changelog, let both read it, and delete it at the end."""
    name = f"bench-restore-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    with tempfile.TemporaryDirectory() as folder:
        source = f"{name}-cloudtrail"
        settings = {"partitions": str(PARTITIONS), "standby_replicas": "0"}
        deployment = Deployment(bootstrap, Names(name, name, source), Path(folder), settings)
        RunningBroker(bootstrap).create_topic(source)
        deployment.apply_topics()
        changelog = f"{name}-memory-changelog"
        fill(bootstrap, changelog, pairs, codec)
        print(f"a changelog of {pairs} pairs in {PARTITIONS} partitions, compression {codec}", flush=True)
        for run in range(runs):
            reader = get_context("spawn").Process(target=plain, args=(bootstrap, changelog, pairs))
            reader.start()
            reader.join()
            restore(deployment, pairs, f"worker-{run}")
    topics = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith(name)]
    for deleted in admin.delete_topics(topics).values():
        deleted.result(30)


def main() -> None:
    """Run the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pairs", type=int, default=1_000_000)
    arguments.add_argument("--codec", default="zstd", help="compression of the changelog")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    with broker.bootstrap() as bootstrap:
        compare(bootstrap, options.pairs, options.codec, options.runs)


if __name__ == "__main__":
    main()
