"""The roads of docs/cloudtrail-to-kafka.md on a real broker: what ``doctor`` says of each, and the page's function."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import EVENT_MS, OTHER, RECORD, changed
from cloudtrail_page import of_language, shown
from cloudtrail_roads import PIECES, ROADS, eventbridge_event
from confluent_kafka import Producer
from worker_process import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

PIECES_ROAD, NARROW_ROAD = "pieces", "narrow"
NARROW_RECORDS = 120


def rows_of_page(about: str) -> list[str]:
    """What the page shows of ``doctor`` about something, with a tab behind the state as in a pipe."""
    shown_output = [output for command, output in shown() if command == f"rootwatch doctor | grep {about}:"]
    return "".join(shown_output).splitlines()


def produce_narrow(bootstrap: str, topic: str) -> None:
    """Records of one account and region, none of them a read, which took up to 6 s to Kafka."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(1, NARROW_RECORDS + 1):
        record = changed({"eventID": f"narrow-{number}", "eventName": "PutBucketPolicy"})
        producer.produce(topic, json.dumps(record).encode(), timestamp=EVENT_MS + number * 50)
    assert producer.flush(60) == 0


def test_doctor_says_what_is_shown(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """``doctor`` says of each road's messages what the page shows, and exits with 1 for files cut into pieces."""
    messages = {**{name: road.messages for name, road in ROADS.items()}, PIECES_ROAD: PIECES}
    roads = [*messages, NARROW_ROAD]
    topics = {name: broker.create_topic(f"{names.source_topic}-{name}", partitions=1) for name in roads}
    deployment = Deployment(broker.bootstrap, names, tmp_path, {"source_topics": ",".join(topics.values())})
    deployment.apply_topics()
    for name, values in messages.items():
        deployment.produce(values, topics[name])
    produce_narrow(broker.bootstrap, topics[NARROW_ROAD])
    done = deployment.run("doctor")
    assert done.returncode == 1, done.stderr

    def said(about: str, road: str) -> list[str]:
        rows = [line for line in done.stdout.splitlines() if f"\t{about}: {topics[road]}: " in line]
        return [row.replace(topics[road], "cloudtrail") for row in rows]

    *whole, pieces = sorted(rows_of_page("sample"), key=lambda row: row.startswith("wrong"))
    assert sorted(whole) == sorted(row for road in ROADS for row in said("sample", road))
    assert [row.startswith(pieces.removesuffix("…")) for row in said("sample", PIECES_ROAD)] == [True]
    assert rows_of_page("trail") == said("trail", NARROW_ROAD)


@contextmanager
def function(topic: str, bootstrap: str, **options: Any) -> Iterator[Callable[[dict[str, Any], None], None]]:
    """The handler of the page's Lambda function, with the environment that it has in AWS."""
    (program,) = of_language("python")
    environment = {"TOPIC": topic, "BOOTSTRAP_SERVERS": bootstrap, "OPTIONS": json.dumps(options)}
    loaded: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        exec(program, loaded)  # noqa: S102  the program of the page
        try:
            yield loaded["handler"]
        finally:
            loaded.clear()  # its producer would live on, and write to stderr once the broker is gone


def test_the_function_writes_events(deployment: Deployment, names: Names) -> None:
    """The page's function sends each event of EventBridge as it came."""
    with function(names.source_topic, deployment.bootstrap) as handler:
        for record in (RECORD, OTHER):
            handler(eventbridge_event(record), None)
    sent = [message.value() for message in deployment.read(names.source_topic)]
    assert sorted(sent) == sorted(ROADS["eventbridge"].messages)


def test_the_function_fails_if_kafka_does(broker: RunningBroker) -> None:
    """The page's function raises if Kafka does not take the event, so that it is tried again."""
    options = {"delivery.timeout.ms": 1000, "allow.auto.create.topics": False}
    with (
        function("there-is-no-such-topic", broker.bootstrap, **options) as handler,
        pytest.raises(RuntimeError, match="Kafka did not take the event"),
    ):
        handler(eventbridge_event(RECORD), None)
