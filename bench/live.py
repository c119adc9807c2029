"""How fast a worker is beside its peers, on one broker and in one run.

``python bench/live.py [--records N] [--codec zstd]`` needs ``KAFKA_BOOTSTRAP``; without it, it starts the tests' Kafka.

It fills a topic with CloudTrail records of 1.8 kB, one in a thousand an AssumeRoot of a new pair, and reads it with:

* a plain confluent-kafka consumer that parses only what holds the bytes ``AssumeRoot``;
* a worker, from its first fetch to its last alert, alerts counted at the broker;
* the obvious Faust agent (``async for``, ``json.loads``), over a part of the records, as it would take minutes.

It prints records a second, and each as a ratio to the plain consumer's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kafka_broker import Broker, Names, running
from worker_process import Deployment, assume_root, wait_for

PARTITIONS = 4
ONE_IN = 1000
OBVIOUS = """
import json, sys, time
import faust
app = faust.App({group!r}, broker="kafka://{bootstrap}", store="memory://", topic_allow_declare=False, web_enabled=False)
topic = app.topic({topic!r}, value_serializer="raw")
seen = 0
begun = None
@app.agent(topic)
async def agent(stream):
    global seen, begun
    async for value in stream:
        begun = begun or time.monotonic()
        record = json.loads(value)
        if record["eventName"] == "AssumeRoot":
            pass
        seen += 1
        if seen == {count}:
            print(seen / (time.monotonic() - begun), flush=True)
            raise SystemExit
if __name__ == "__main__":
    app.main()
"""


def fill(bootstrap: str, topic: str, records: int, codec: str) -> int:
    """Fill the topic; return how many records are AssumeRoot."""
    chance = random.Random(1)
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
            value = {
                **assume_root(event_id=str(uuid.UUID(int=chance.getrandbits(128)))),
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
        while len(producer) > 150_000:
            producer.poll(0.1)
    producer.flush()
    return -(-records // ONE_IN)


def plain(bootstrap: str, topic: str, records: int) -> float:
    """Records a second of a plain consumer with a byte filter."""
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
    """Records a second of a worker, from its first fetch to its last alert."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    folder = folder / name
    folder.mkdir()
    deployment = Deployment(bootstrap, Names(name, name, topic), folder, {"max_alerts": "0", "partitions": "4"})
    deployment.apply_topics()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
    consumer.assign([TopicPartition(f"{name}.alerts", partition, 0) for partition in range(PARTITIONS)])
    with deployment.worker() as running_worker:
        # Ready, and so fetching, is logged with its time; alerts carry the broker's.
        running_worker.wait_until_ready()
        ready = time.time()
        alerts = 0
        while alerts < matches:
            for message in consumer.consume(1000, timeout=1):
                alerts += 1
                last = message.timestamp()[1] / 1000
        line = next(line for line in running_worker.log.read_text().splitlines() if "worker.ready" in line)
        wait_for(deployment.all_done, "all is committed")
    consumer.close()
    from datetime import datetime

    begun = datetime.fromisoformat(line.split()[0]).timestamp()
    assert begun < ready
    return records / (last - begun)


def obvious(bootstrap: str, topic: str, count: int, folder: Path) -> float:
    """Records a second of the obvious Faust agent."""
    script = folder / "obvious.py"
    script.write_text(
        OBVIOUS.format(group=f"obvious-{uuid.uuid4().hex[:8]}", bootstrap=bootstrap, topic=topic, count=count)
    )
    done = subprocess.run(
        [sys.executable, str(script), "worker", "-l", "error"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--records", type=int, default=800_000)
    arguments.add_argument("--codec", default="none")
    arguments.add_argument("--topic", help="a topic filled before")
    arguments.add_argument("--skip-obvious", action="store_true")
    options = arguments.parse_args()
    bootstrap = os.environ["KAFKA_BOOTSTRAP"]
    topic = options.topic or f"bench-{options.codec}-{uuid.uuid4().hex[:6]}"
    matches = -(-options.records // ONE_IN)
    if not options.topic:
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        begun = time.monotonic()
        fill(bootstrap, topic, options.records, options.codec)
        print(f"filled {topic} in {time.monotonic() - begun:.0f} s")
    base = plain(bootstrap, topic, options.records)
    print(f"plain confluent-kafka  {base:10.0f}  1.00")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            rate = worker(bootstrap, topic, options.records, matches, Path(folder))
            print(f"worker                 {rate:10.0f}  {rate / base:.2f}")
        if not options.skip_obvious:
            rate = obvious(bootstrap, topic, 100_000, Path(folder))
            print(f"obvious Faust agent    {rate:10.0f}  {rate / base:.2f}")
    base = plain(bootstrap, topic, options.records)
    print(f"plain confluent-kafka  {base:10.0f}  1.00")


if __name__ == "__main__":
    main()
