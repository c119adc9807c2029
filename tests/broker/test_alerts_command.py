from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer, TopicPartition

from streams.kafka.readers.connection import Connection
from streams.settings import Settings
from streams.wire.alert import encode
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

ROOTWATCH = Path(sys.executable).with_name("rootwatch")
SAMPLE = json.loads((Path(__file__).parents[1] / "wire" / "samples" / "alert.json").read_text(encoding="utf-8"))


@pytest.fixture
def here(broker: RunningBroker, names: Names, tmp_path: Path) -> Path:
    """A folder with settings for the broker."""
    (tmp_path / "rootwatch.toml").write_text(
        f"bootstrap_servers = '{broker.bootstrap}'\ntopic_prefix = '{names.topic_prefix}'\n"
    )
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [str(ROOTWATCH), "alerts", *arguments]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}


def shown(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the project's own command
        command(*arguments), capture_output=True, text=True, check=False, cwd=here, env=environment(), timeout=60
    )


def write(broker: RunningBroker, topic: str, *values: bytes, timestamp: int = 1_700_000_000_000) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number, value in enumerate(values):
        producer.produce(topic, value, str(number), timestamp=timestamp + number)
    assert producer.flush(60) == 0


def alert(number: int, **changes: Any) -> bytes:
    return encode(SAMPLE | {"alert_id": f"alert-{number}"} | changes)


def test_alerts_as_json_lines(broker: RunningBroker, names: Names, here: Path) -> None:
    """--json prints each alert of every partition as one JSON object, and ends at the topic's end with exit 0."""
    write(broker, broker.create_topic(f"{names.topic_prefix}.alerts", 3), *(alert(number) for number in range(20)))
    done = shown(here, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert {document["alert_id"] for document in documents} == {f"alert-{number}" for number in range(20)}
    assert documents[0]["event"]["time"] == to_iso8601(SAMPLE["event"]["time"])
    assert documents[0]["record"] == json.loads(SAMPLE["record"])


def test_alerts_as_lines(broker: RunningBroker, names: Names, here: Path) -> None:
    """In a pipe, an alert is one line of tab-separated values; no value of a caller can control a terminal."""
    write(broker, broker.create_topic(f"{names.topic_prefix}.alerts", 1), alert(1, reason="a\n\x1b[2J\tb [red]c"))
    (line,) = shown(here).stdout.splitlines()
    assert line.split("\t") == [
        to_iso8601(SAMPLE["event"]["time"]),
        "low",
        SAMPLE["principal"]["arn"],
        SAMPLE["member_account"]["id"],
        "a\\n\\x1b[2J\\tb [red]c",
    ]


def test_from_a_time(broker: RunningBroker, names: Names, here: Path) -> None:
    """--from shows the alerts that were written since that time, which may be none."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 2)
    write(broker, topic, alert(0), alert(1), alert(2), alert(3))
    for start, count in ((1_700_000_000_000, 4), (1_700_000_000_002, 2), (1_700_000_000_004, 0)):
        assert shown(here, "--from", to_iso8601(start)).stdout.count("\n") == count


def test_a_value_that_is_no_alert(broker: RunningBroker, names: Names, here: Path) -> None:
    """A value that cannot be read is named with its position on stderr, the rest is shown, and the exit code is 1."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 1)
    write(broker, topic, alert(1), b"no alert", alert(2))
    done = shown(here)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 2
    assert f"{topic}, partition 0, offset 1: " in done.stderr


def test_no_alert_topic(names: Names, here: Path) -> None:
    """A missing alert topic is exit 1 and one line that names it."""
    done = shown(here)
    assert done.returncode == 1
    assert done.stderr.startswith(f"rootwatch: topic {names.topic_prefix}.alerts: Describe: ")
    assert done.stderr.count("\n") == 1


def test_follow(broker: RunningBroker, names: Names, here: Path) -> None:
    """--follow shows the existing alerts, then each new one, until it is interrupted (exit 130)."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 2)
    write(broker, topic, alert(1))
    with subprocess.Popen(  # noqa: S603  the project's own command
        command("--follow", "--json"), stdout=subprocess.PIPE, text=True, cwd=here, env=environment()
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["alert_id"] == "alert-1"
        write(broker, topic, alert(2))
        assert json.loads(process.stdout.readline())["alert_id"] == "alert-2"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_following_survives_retention(broker: RunningBroker, names: Names) -> None:
    """If retention deletes the alert that is to be read next, --follow goes on at the oldest one; it does not end."""
    topic = broker.create_topic(f"{names.topic_prefix}.alerts", 1)
    write(broker, topic, alert(0), alert(1), alert(2))
    admin = broker.admin()
    admin.delete_records([TopicPartition(topic, 0, 2)])[TopicPartition(topic, 0)].result(60)
    with Connection(Settings(bootstrap_servers=broker.bootstrap), skip_deleted=True) as connection:
        assert next(connection.follow({topic: {0: 0}})).offset() == 2
