"""Compares the speed of ``rootwatch backtest --topic`` with a plain confluent-kafka consumer with the same byte filter.

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka. Makes a topic of records of 1.8 kB with one
match per 1,000, lets each contender read it in turn, and deletes it. The plain consumer runs twice: with the library's
defaults, and with the fastest settings (by default it sleeps for a second whenever its queue is full).

    python bench/backtest_topic.py [--records 1000000] [--partitions 4]
"""

# ruff: noqa: T201  a script that prints

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import broker  # noqa: E402  beside this file
from backtest_archive import record  # noqa: E402  beside this file
from kafka_broker import create_topic  # noqa: E402  of the tests, which ``broker`` puts on the path

MARK = b"AssumeRoot"
SIZE = 1_800
MATCH_EVERY = 1_000


def fill(bootstrap: str, topic: str, records: int, partitions: int) -> None:
    """Create the topic and its records."""
    create_topic(bootstrap, topic, partitions)
    chance = random.Random(3)  # noqa: S311  no secret
    values = []
    for number in range(MATCH_EVERY):
        event = record(chance, match=number == 0)
        text = json.dumps(event)
        values.append(json.dumps({**event, "padding": "x" * max(0, SIZE - len(text) - 15)}).encode())
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.kbytes": 200_000})
    for number in range(records):
        while True:
            try:
                producer.produce(topic, values[number % MATCH_EVERY], partition=number % partitions)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush()


FASTEST = {"queued.max.messages.kbytes": 65_536, "queued.min.messages": 1_000_000, "fetch.queue.backoff.ms": 1}


def plain(bootstrap: str, topic: str, records: int, partitions: int, options: Mapping[str, int]) -> float:
    """Records per second of one consumer that parses what has the mark, from its creation on, like a command."""
    start = time.perf_counter()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False, **options})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    seen = matched = 0
    while seen < records:
        for message in consumer.consume(1_000, 0.1):
            if message.error() is not None:
                continue
            seen += 1
            value = message.value()
            if MARK in value:
                json.loads(value)
                matched += 1
    consumer.close()
    return records / (time.perf_counter() - start)


def backtest(bootstrap: str, topic: str, records: int, processes: int) -> float:
    """Records per second of the command, its start included."""
    command = [str(Path(sys.executable).with_name("rootwatch")), "backtest", "--topic", topic, "--output", "/dev/null"]
    start = time.perf_counter()
    subprocess.run(  # noqa: S603  this project's own
        [*command, "--processes", str(processes)],
        check=True,
        stderr=subprocess.DEVNULL,
        # As it is installed: what has been compiled once need not be compiled at every start.
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        | {"ROOTWATCH_BOOTSTRAP_SERVERS": bootstrap},
    )
    return records / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--partitions", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    with broker.bootstrap() as bootstrap:
        topic = f"bench-{uuid.uuid4().hex[:8]}"
        fill(bootstrap, topic, options.records, options.partitions)
        for _ in range(options.rounds):
            default = plain(bootstrap, topic, options.records, options.partitions, {})
            fastest = plain(bootstrap, topic, options.records, options.partitions, FASTEST)
            speeds = {f"backtest x{n}": backtest(bootstrap, topic, options.records, n) for n in (1, 2)}
            print(
                f"plain {default:,.0f}/s, tuned {fastest:,.0f}/s;",
                *(f"{name} {s:,.0f}/s ({s / default:.2f} and {s / fastest:.2f})" for name, s in speeds.items()),
            )
        admin = AdminClient({"bootstrap.servers": bootstrap})  # without this reference the client gives up
        admin.delete_topics([topic])[topic].result(30)


if __name__ == "__main__":
    main()
