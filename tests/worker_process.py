"""Workers as processes, with their topics and records, for the broker tests."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from ports import held_port

from streams.kafka.errors import is_retriable
from streams.wire import alert as alert_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kafka_broker import Names

# For killed workers, so that the others go on soon. A worker on a busy machine may also be silent for so long.
SOON_MISSED = {"session_timeout": "3s"}
ROOTWATCH = Path(sys.executable).with_name("rootwatch")


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """Return the condition's first true value; fail with ``what`` after a time so long that it asserts no speed."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def assume_root(
    principal: str = "arn:aws:iam::111111111111:user/alice",
    account: str = "222222222222",
    *,
    time: str = "2026-03-01T10:00:00Z",
    event_id: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A successful AssumeRoot as CloudTrail records it."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": principal,
            "accountId": "111111111111",
            "accessKeyId": "AKIAEXAMPLE",
        },
        "eventTime": time,
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoot",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": {
            "targetPrincipal": account,
            "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
            "durationSeconds": 900,
        },
        "responseElements": {
            "credentials": {
                "accessKeyId": "ASIAEXAMPLE",
                "sessionToken": "FwoGZXIvYXdzEXAMPLETOKEN",
                "expiration": "Mar 1, 2026, 10:15:00 AM",
            }
        },
        "eventID": event_id or str(uuid.uuid4()),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111111111111",
        **fields,
    }


@dataclass
class Deployment:
    """One deployment of rootwatch on a broker, with its names, topics and settings."""

    bootstrap: str
    names: Names
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topic = self.names.topic_prefix

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of this deployment's commands."""
        settings = {
            "bootstrap_servers": self.bootstrap,
            "source_topics": self.names.source_topic,
            "topic_prefix": self.names.topic_prefix,
            "group_id": self.names.group_id,
            "partitions": "4",
            "state_dir": str(self.folder / "state"),
            **self.settings,
            **more,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
        return {**kept, **{f"ROOTWATCH_{name.upper()}": value for name, value in settings.items()}}

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of rootwatch until it ends."""
        return subprocess.run(  # noqa: S603  the command is this project's own
            [str(ROOTWATCH), *command],
            env=self.environment(**settings),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def apply_topics(self) -> None:
        """Create the deployment's topics."""
        done = self.run("topics", "apply")
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def worker(self, name: str = "worker", *, command: Sequence[str] = (), **settings: str) -> Iterator[Worker]:
        """A running worker with its own state directory; killed at the end if it still runs."""
        with held_port() as port, (self.folder / f"{name}.log").open("ab") as log:
            settings = {"state_dir": str(self.folder / name), "http_port": str(port), **settings}
            process = subprocess.Popen(  # noqa: S603  the command is this project's own
                [*(command or (str(ROOTWATCH), "worker"))],
                env=self.environment(**settings),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            worker = Worker(process, int(settings["http_port"]), self.folder / f"{name}.log")
            try:
                yield worker
            except Exception as failure:
                failure.add_note(f"The end of {name}.log:\n{worker.tail()}")
                raise
            finally:
                worker.kill()

    def produce(
        self, values: Iterable[Any], topic: str | None = None, partition: int | None = None, **options: Any
    ) -> None:
        """Send values (bytes, or JSON values) to the source topic; return when all are acknowledged."""
        where = {} if partition is None else {"partition": partition}
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, **options})
        for value in values:
            data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
            producer.produce(topic or self.names.source_topic, data, **where)
            producer.poll(0)
        assert producer.flush(60) == 0

    def read(self, topic: str) -> list[Any]:
        """Every present message of a topic, by partition and offset: so two reads can be compared."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"reader-{uuid.uuid4()}", "enable.auto.commit": False}
        )
        try:
            partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
            ends = {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=60)
                for number in partitions
            }
            left = {number for number, (low, high) in ends.items() if high > low}
            consumer.assign([TopicPartition(topic, number, ends[number][0]) for number in left])
            messages = []
            until = time.monotonic() + 120
            while left and time.monotonic() < until:
                for message in consumer.consume(10_000, timeout=0.2):
                    assert message.error() is None, message.error()
                    messages.append(message)
                    if message.offset() + 1 >= ends[message.partition()][1]:
                        left.discard(message.partition())
            assert not left, f"could not read {topic} to its end"
            return sorted(messages, key=lambda message: (message.partition(), message.offset()))
        finally:
            consumer.close()

    def alerts(self, topic: str = "alerts") -> list[dict[str, Any]]:
        """The present alerts of the alert topic, repeats included."""
        return [alert_codec.decode(message.value()) for message in self.read(f"{self.topic}.{topic}")]

    def committed(self, topic: str | None = None) -> dict[int, int]:
        """The group's committed offsets of a topic (default: the source topic), by partition."""
        topic = topic or self.names.source_topic
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.names.group_id})
        try:
            partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
            committed = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=60)
            return {partition.partition: partition.offset for partition in committed}
        finally:
            consumer.close()

    def ends(self, topic: str | None = None) -> dict[int, int]:
        """The end offset of each partition of a topic (default: the source topic)."""
        topic = topic or self.names.source_topic
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "nobody"})
        try:
            partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
            return {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=60)[1]
                for number in partitions
            }
        finally:
            consumer.close()

    def all_done(self) -> bool:
        """Whether the group has committed the end of the source topic, and of those of sightings and sessions."""
        try:
            for topic in (self.names.source_topic, f"{self.topic}.sightings", f"{self.topic}.sessions"):
                committed = self.committed(topic)
                if any(end > 0 and committed[number] < end for number, end in self.ends(topic).items()):
                    return False
        except KafkaException as error:
            if not is_retriable(error.args[0]):
                raise
            return False  # the broker has just started
        return True


@dataclass
class Worker:
    """A worker's process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask the worker's HTTP port; status 0 if nothing answers. Waits for a busy worker."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Wait until partitions are assigned and the table is recovered."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.tail()}"
            return self.get("/readyz")[0] == 200

        try:
            wait_for(ready, "the worker is ready", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail()}") from late

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)

    def terminate(self) -> int:
        """SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-8000:]


def accounts(count: int) -> list[str]:
    """Account ids."""
    return [f"{number:012d}" for number in range(300_000_000_000, 300_000_000_000 + count)]


def pairs_of(alerts: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The pairs of these alerts."""
    return {(alert["principal"]["arn"], alert["member_account"]["id"]) for alert in alerts}
