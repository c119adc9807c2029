"""Compares the speed of a worker with its peers, on one broker and in one run.

    python bench/live.py [--records 800000] [--codec none zstd] [--runs 3] [--root 0]

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka.

It fills a topic with CloudTrail records of 1.8 kB, of which one per 1,000 is an AssumeRoot of a new pair. It reads the
topic with:

* a plain confluent-kafka consumer that parses only what has the bytes ``AssumeRoot``;
* a worker, from its first fetch to its last alert, with alerts counted at the broker;
* the obvious Faust agent (``async for``, ``json.loads``), on a part of the records, because all would take minutes.

It prints records per second, and their ratio to the plain consumer. With ``--root 9``, 9 % of the records hold the word
``Root`` in a role's name, which the fetch filter must look at and drop.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import datetime
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import broker
from kafka_broker import Names, create_topic
from worker_process import Deployment, assume_root

PARTITIONS = 4
ONE_IN = 1000
MOST_QUEUED = 150_000
OBVIOUS = """
import json, os, time
import faust
options = dict(store="memory://", topic_allow_declare=False, web_enabled=False)
app = faust.App({group!r}, broker="kafka://{bootstrap}", **options)
topic = app.topic({topic!r}, value_serializer="raw")
@app.agent(topic)
async def agent(stream):
    seen, begun = 0, time.monotonic()
    async for value in stream:
        if not seen:
            begun = time.monotonic()
        record = json.loads(value)
        matched = record["eventName"] == "AssumeRoot"
        seen += 1
        if seen == {count}:
            os.write(1, b"rate %f\\n" % (seen / (time.monotonic() - begun)))
            os._exit(0)
app.main()
"""


def fill(bootstrap: str, topic: str, records: int, codec: str, root: int) -> int:
    """Fill the topic; return how many records are AssumeRoot."""
    chance = random.Random(1)  # noqa: S311  no secret
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": codec,
            "queue.buffering.max.messages": 200_000,
        }
    )
    names = ["DescribeInstances", "GetObject", "AssumeRole", "PutObject", "Decrypt", "ListBuckets", "GetCallerIdentity"]
    policy = "x" * 700
    for number in range(records):
        if number % ONE_IN == 0:
            value = assume_root(f"arn:aws:iam::111111111111:user/{number % 97}", f"{number:012d}", padding=policy)
        else:
            user = "deploy-Root" if number % 100 < root else "alice"
            value = {
                **assume_root(
                    f"arn:aws:iam::111111111111:role/{user}", event_id=str(uuid.UUID(int=chance.getrandbits(128)))
                ),
                "eventName": names[number % 7],
                "requestParameters": {
                    "bucketName": f"bucket-{chance.random()}",
                    "key": f"{chance.random()}",
                    "p": policy,
                },
                "responseElements": None,
            }
        producer.produce(topic, json.dumps(value).encode())
        if number % 5000 == 0:
            producer.poll(0)
        while len(producer) > MOST_QUEUED:
            producer.poll(0.1)
    producer.flush()
    return -(-records // ONE_IN)


def plain(bootstrap: str, topic: str, records: int) -> float:
    """Records per second of a plain consumer with a byte filter."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    seen = matched = 0
    begun = None
    while seen < records:
        messages = consumer.consume(10_000, timeout=1)
        if messages and begun is None:
            begun = time.monotonic()
        for message in messages:
            value = message.value()
            seen += 1
            if b"AssumeRoot" in value and json.loads(value)["eventName"] == "AssumeRoot":
                matched += 1
    consumer.close()
    return records / (time.monotonic() - (begun or 0))


def worker(bootstrap: str, topic: str, records: int, matches: int, folder: Path) -> float:
    """Records per second of a worker, from its first fetch to its last alert, by the clocks of log and broker."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    folder = folder / name
    folder.mkdir()
    deployment = Deployment(bootstrap, Names(name, name, topic), folder, {"max_alerts": "0"})
    deployment.apply_topics()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False})
    consumer.assign([TopicPartition(f"{name}.alerts", partition, 0) for partition in range(PARTITIONS)])
    last, alerts = 0.0, 0
    with deployment.worker() as running_worker:
        running_worker.wait_until_ready()
        while alerts < matches:
            for message in consumer.consume(1000, timeout=1):
                alerts += 1
                last = max(last, message.timestamp()[1] / 1000)
        # A worker fetches once it is ready.
        ready = next(line for line in running_worker.log.read_text().splitlines() if "worker.ready" in line)
    consumer.close()
    return records / (last - datetime.fromisoformat(ready.split()[0]).timestamp())


def obvious(bootstrap: str, topic: str, count: int, folder: Path) -> float:
    """Records per second of the obvious Faust agent."""
    script = folder / "obvious.py"
    group = f"obvious-{uuid.uuid4().hex[:8]}"
    script.write_text(OBVIOUS.format(group=group, bootstrap=bootstrap, topic=topic, count=count))
    command = [sys.executable, str(script), "worker", "-l", "error"]
    done = subprocess.run(  # noqa: S603  this program's own command
        command, capture_output=True, text=True, timeout=300, check=True, cwd=folder
    )
    return float(done.stdout.rpartition("rate ")[2])


def compare(bootstrap: str, records: int, codec: str, runs: int, root: int) -> None:
    """Fill a topic, let each contender read it, print the results, and delete the topic."""
    topic = f"bench-{codec}-{uuid.uuid4().hex[:6]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    create_topic(bootstrap, topic, PARTITIONS)
    matches = fill(bootstrap, topic, records, codec, root)
    say = sys.stdout.write
    say(f"{records} records of 1.8 kB, compression {codec}, {root} % with Root\n")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            base = plain(bootstrap, topic, records)
            say(f"  plain confluent-kafka  {base:9.0f}/s  1.00\n")
            rate = worker(bootstrap, topic, records, matches, Path(folder))
            say(f"  worker                 {rate:9.0f}/s  {rate / base:.2f}\n")
        rate = obvious(bootstrap, topic, records // 8, Path(folder))
        say(f"  the obvious agent      {rate:9.0f}/s  {rate / base:.2f}\n")
    admin.delete_topics([topic])[topic].result(30)


def main() -> None:
    """Run the comparison for each compression."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=800_000)
    arguments.add_argument("--codec", nargs="+", default=["none", "zstd"], help="compressions to measure")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--root", type=int, nargs="+", default=[0], help="percentages of records that hold Root")
    options = arguments.parse_args()
    with broker.bootstrap() as bootstrap:
        for codec in options.codec:
            for root in options.root:
                compare(bootstrap, options.records, codec, options.runs, root)


if __name__ == "__main__":
    main()
