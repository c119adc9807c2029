"""The roads of docs/cloudtrail-to-kafka.md on a real broker: what ``doctor`` says of each, and the page's function."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import OTHER, RECORD
from cloudtrail_page import of_language, shown
from cloudtrail_roads import PIECES, ROADS, eventbridge_event
from worker_process import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

PIECES_ROAD = "pieces"


def rows_of_page() -> list[str]:
    """What the page shows of ``doctor``, in its order, with a tab behind the state as in a pipe."""
    return [output.rstrip("\n") for command, output in shown() if command == "rootwatch doctor | grep sample:"]


def test_doctor_says_what_is_shown(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """``doctor`` says of each road's messages what the page shows, and exits with 1 for files cut into pieces."""
    messages = {**{name: road.messages for name, road in ROADS.items()}, PIECES_ROAD: PIECES}
    topics = {name: broker.create_topic(f"{names.source_topic}-{name}", partitions=1) for name in messages}
    deployment = Deployment(broker.bootstrap, names, tmp_path, {"source_topics": ",".join(topics.values())})
    deployment.apply_topics()
    for name, values in messages.items():
        deployment.produce(values, topics[name])
    done = deployment.run("doctor")
    assert done.returncode == 1, done.stderr
    said = {}
    for name, topic in topics.items():
        (row,) = [line for line in done.stdout.splitlines() if re.search(rf"\tsample: {topic}: ", line)]
        said[name] = row.replace(topic, "cloudtrail")
    begun = said.pop(PIECES_ROAD)
    *ends, pieces = sorted(rows_of_page(), key=lambda row: row.startswith("wrong"))
    assert sorted(ends) == sorted(said.values())
    assert begun.startswith(pieces.removesuffix("…"))


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
