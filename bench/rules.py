"""Compares a worker with 40 rules with the least that any consumer does, on one broker and in one run.

    python bench/rules.py [--records 200000] [--taken 1 10 40] [--form records files gzip] [--runs 3]

Uses the broker in ``KAFKA_BOOTSTRAP``, or else starts the tests' Kafka.

It writes 40 rules over 60 names of events, and fills a topic with CloudTrail records of 1.3 kB: one per message, files
of 50, or files of 50 in gzip. So many per cent of the records are taken by a rule; 19 of 20 of these are of known
tuples. It reads the topic with:

* one confluent-kafka consumer with ``orjson.loads`` of every message, in one process; isal decompresses gzip for it;
* a worker, from its first fetch until all offsets are committed.

It prints records per second and the ratio. Before that it prints what a decision costs for the 10th, the 1,000th and
the 100,000th tuple of a group, by processor time, in dicts and in a RocksDB store.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson
import rocksdict
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from isal import igzip

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import broker
from kafka_broker import Names, create_topic
from sightings import COMPILED, DECISION_SETTINGS, NOON, nothing_known, sighting
from worker_process import Deployment, assume_root

from streams.detection.dict_memory import DictMemory
from streams.pipeline import detect
from streams.worker.state.partition_memory import PartitionMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import Message

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision

PARTITIONS = 4
RULES = 40
EVENTS = 60
FORMS = {"records": 1, "files": 50, "gzip": 50}  # records per message
KNOWN_IN = 20  # of so many taken records, one is of a new tuple
MOST_QUEUED = 150_000
START = datetime(2026, 3, 1, tzinfo=UTC)
AT = (10, 1_000, 100_000)
SAMPLE = 200


def write_rules(folder: Path) -> Path:
    """Write the rules: each takes one or two of the events, by name and service, with terms of one to three fields."""
    terms = (["rootwatch.issuer_or_arn"], ["cloud.account.id", "user.name"], ["user.name", "cloud.region", "source.ip"])
    folder.mkdir()
    for number in range(RULES):
        names = [f"Event{each:02d}" for each in range(number, EVENTS, RULES)]
        query = (
            f'event.provider: "svc.amazonaws.com" and event.action: ({" or ".join(names)}) and event.outcome: success'
        )
        (folder / f"r{number:02d}.toml").write_text(
            f'id = "bench-{number:02d}"\nname = "Bench {number}"\nversion = 1\nseverity = "low"\nrisk_score = 1\n'
            f"query = '{query}'\nterms = {json.dumps(terms[number % len(terms)])}\nwindow = \"10d\"\nmax_alerts = 0\n"
        )
    return folder


def records(count: int, taken: int) -> Iterator[dict[str, Any]]:
    """Records, so many per cent of which are taken by a rule."""
    chance = random.Random(1)  # noqa: S311  no secret
    padding = "x" * 700
    for number in range(count):
        is_taken = chance.random() * 100 < taken
        is_new = chance.randrange(KNOWN_IN) == 0
        user = f"user-{number}" if is_new else f"user-{number % 50}"
        yield {
            **assume_root(
                f"arn:aws:iam::111111111111:user/{user}", event_id=str(uuid.UUID(int=chance.getrandbits(128)))
            ),
            "userIdentity": {
                "type": "IAMUser",
                "arn": f"arn:aws:iam::111111111111:user/{user}",
                "accountId": "111111111111",
                "userName": user,
                "accessKeyId": "AKIAEXAMPLE",
            },
            "eventTime": (START + timedelta(milliseconds=10 * number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "svc.amazonaws.com",
            "eventName": f"{'Event' if is_taken else 'Other'}{chance.randrange(EVENTS):02d}",
            "requestParameters": {"bucketName": f"bucket-{chance.random()}", "key": f"{chance.random()}", "p": padding},
            "responseElements": None,
        }


def fill(bootstrap: str, topic: str, count: int, taken: int, form: str) -> int:
    """Fill the topic; return how many messages it has."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": "zstd",
            "queue.buffering.max.messages": 200_000,
        }
    )
    file: list[dict[str, Any]] = []
    messages = 0
    for record in records(count, taken):
        file.append(record)
        if len(file) == FORMS[form]:
            value = json.dumps(file[0] if form == "records" else {"Records": file}).encode()
            producer.produce(topic, igzip.compress(value) if form == "gzip" else value)
            messages += 1
            file = []
        producer.poll(0)
        while len(producer) > MOST_QUEUED:
            producer.poll(0.1)
    producer.flush()
    return messages


def plain(bootstrap: str, topic: str, messages: int, form: str) -> float:
    """Seconds that a plain consumer takes which parses every message."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    fetched: list[Message] = []
    while not fetched:
        fetched = consumer.consume(1, timeout=1)  # more would be fetched before the clock runs
    begun = time.monotonic()
    seen = 0
    while True:
        for message in fetched:
            value = message.value()
            orjson.loads(igzip.decompress(value) if form == "gzip" else value)
        seen += len(fetched)
        if seen >= messages:
            break
        fetched = consumer.consume(1_000, timeout=0.1)
    consumer.close()
    return time.monotonic() - begun


def worker(bootstrap: str, topic: str, rules: Path, folder: Path) -> float:
    """Seconds that a worker takes from its first fetch until everything is committed."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    folder = folder / name
    folder.mkdir()
    settings = {"rules": str(rules), "standby_replicas": "0"}
    deployment = Deployment(bootstrap, Names(name, name, topic), folder, settings)
    deployment.apply_topics()
    with deployment.worker() as running_worker:
        running_worker.wait_until_ready()
        while not deployment.all_done():
            time.sleep(0.05)
        done = time.time()
        ready = next(line for line in running_worker.log.read_text().splitlines() if "worker.ready" in line)
    return done - datetime.fromisoformat(ready.split()[0]).timestamp()


def compare(bootstrap: str, count: int, taken: int, form: str, runs: int) -> None:
    """Fill a topic, let both read it, print the medians, and delete the topic."""
    topic = f"bench-rules-{uuid.uuid4().hex[:6]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    create_topic(bootstrap, topic, PARTITIONS)
    messages = fill(bootstrap, topic, count, taken, form)
    with tempfile.TemporaryDirectory() as folder:
        rules = write_rules(Path(folder) / "rules")
        seconds = [
            (plain(bootstrap, topic, messages, form), worker(bootstrap, topic, rules, Path(folder)))
            for _ in range(runs)
        ]
    base, ours = (count / median(each) for each in zip(*seconds, strict=True))
    say(f"{taken:3} % taken, {form:<7}   consumer and orjson {base:9,.0f}/s 1.00   ")
    say(f"worker {ours:9,.0f}/s {ours / base:.2f}\n")
    admin.delete_topics([topic])[topic].result(30)


def tuples(count: int) -> Iterator[Sighting]:
    """Sightings of new tuples of one group, a second apart."""
    for number in range(count):
        yield sighting(NOON + 1_000 * number, account=f"{number:012d}", event_id=str(number))


def decisions(name: str, decide: Callable[[Sighting], Decision], settle: Callable[[], None]) -> None:
    """Print the processor time of a decision around each of ``AT``."""
    spent: dict[int, list[int]] = {at: [] for at in AT}
    for number, seen in enumerate(tuples(max(AT) + SAMPLE)):
        begun = time.process_time_ns()
        decide(seen)
        took = time.process_time_ns() - begun
        for at in AT:
            if at <= number < at + SAMPLE:
                spent[at].append(took)
        settle()
    cost = {at: median(each) / 1_000 for at, each in spent.items()}
    shown = ", ".join(f"{at:,}th {value:.1f} µs ({value / cost[AT[0]]:.2f})" for at, value in cost.items())
    say(f"a decision in {name}: {shown}\n")


def in_dicts() -> None:
    """Decide with a replay's memory."""
    memory = DictMemory()

    def decide(seen: Sighting) -> Decision:
        decision = detect(seen, memory.group(seen), COMPILED, DECISION_SETTINGS, nothing_known)
        memory.apply(seen, decision)
        return decision

    decisions("dicts", decide, lambda: None)


def in_store(folder: str) -> None:
    """Decide with a worker's memory, a batch per sighting, each stored."""
    store = rocksdict.Rdict(folder, rocksdict.Options(raw_mode=True))
    batches: list[PartitionMemory] = []

    def decide(seen: Sighting) -> Decision:
        batch = PartitionMemory(0, store, b"offset")
        decision = detect(seen, batch.group(seen, COMPILED), COMPILED, DECISION_SETTINGS, nothing_known)
        batch.remember(seen, COMPILED, decision)
        batches.append(batch)
        return decision

    def settle() -> None:
        written = rocksdict.WriteBatch(raw_mode=True)
        for key, value in batches.pop().changes():
            if value is None:
                written.delete(key)
            else:
                written.put(key, value)
        store.write(written)

    decisions("RocksDB", decide, settle)
    store.close()


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """Run the comparisons."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=200_000)
    arguments.add_argument("--taken", type=int, nargs="+", default=[1, 10, 40], help="per cent of records taken")
    arguments.add_argument("--form", nargs="+", choices=FORMS, default=list(FORMS), help="what a message holds")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    in_dicts()
    with tempfile.TemporaryDirectory() as folder:
        in_store(f"{folder}/store")
    with broker.bootstrap() as bootstrap:
        for form in options.form:
            for taken in options.taken:
                compare(bootstrap, options.records, taken, form, options.runs)


if __name__ == "__main__":
    main()
