"""Consumers with confluent-kafka: the least that any program does that reads a topic.

    python -m bench.peers.consumers KIND BOOTSTRAP TOPIC PARTITIONS MESSAGES

Reads so many messages and prints, as JSON, the seconds and processor seconds from the first of them to the last.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import uuid
from typing import TYPE_CHECKING

import orjson
from confluent_kafka import Consumer, TopicPartition
from isal import igzip

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = b"AssumeRoot"
BATCH = 1_000
GZIP = b"\x1f\x8b"
# By default librdkafka waits a second whenever its queue is full. Garbage collection takes a twentieth, so it is off,
# too. Larger fetches and a larger buffer of the socket change nothing; batches of 10,000, or no wait, are slower.
TUNED = {"fetch.queue.backoff.ms": 1, "queued.min.messages": 1_000_000, "queued.max.messages.kbytes": 65_536}


def marked(value: bytes) -> None:
    """Parse what may be a use of root."""
    if MARK in value:
        json.loads(value)


def parsed(value: bytes) -> None:
    """Decompress and parse every message."""
    orjson.loads(igzip.decompress(value) if value.startswith(GZIP) else value)


KINDS: dict[str, tuple[dict[str, int], Callable[[bytes], None]]] = {
    "plain": ({}, marked),
    "tuned": (TUNED, marked),
    "parsed": ({}, parsed),
    "tuned-parsed": (TUNED, parsed),
}


def read(kind: str, bootstrap: str, topic: str, partitions: int, messages: int) -> dict[str, float]:
    """Read the topic."""
    options, look = KINDS[kind]
    group = {"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False}
    consumer = Consumer({**group, **options})
    if options:
        gc.disable()
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    fetched = []
    while not fetched:
        fetched = consumer.consume(1, timeout=1)
    begun, used = time.perf_counter(), time.process_time()
    seen = 0
    while True:
        for message in fetched:
            look(message.value())
        seen += len(fetched)
        if seen >= messages:
            break
        fetched = consumer.consume(BATCH, timeout=0.1)
    took = {"seconds": time.perf_counter() - begun, "processor": time.process_time() - used}
    consumer.close()
    return took


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("partitions", type=int)
    parser.add_argument("messages", type=int)
    given = parser.parse_args()
    sys.stdout.write(
        json.dumps(read(given.kind, given.bootstrap, given.topic, given.partitions, given.messages)) + "\n"
    )


if __name__ == "__main__":
    main()
