"""Starts a real Apache Kafka (KRaft mode, one node) from its Maven jars for tests, without Docker.

The jars of ``broker/kafka/pom.xml`` are copied once into ``broker/kafka/lib``. A broker keeps its ports and its data
across ``stop`` and ``start``, so that a test can stop it under load and start it again.
"""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from maven import compile_class, dies_with_the_tests, fetch, java_command
from ports import HeldPort
from worker_process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KAFKA_FOLDER = Path(__file__).parent / "broker" / "kafka"
MESSAGE_MAX_BYTES = 20 * 1024 * 1024  # over the 16 MiB of a dead letter, so that the topic's own limit decides
_OR_RUNNING = "or KAFKA_BOOTSTRAP=host:port names a running broker"
START_SECONDS = 120  # only ends a test that would hang: a busy machine takes a minute


class BrokerError(Exception):
    """The broker cannot be started; the message says what to do."""


class Broker:
    """One broker in its own process. ``bootstrap`` is its plaintext listener, usable once ``start`` has returned."""

    def __init__(  # noqa: PLR0913  one for each property that tests change
        self,
        folder: Path,
        *,
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
        heap: str = "1g",
        classes: Path | None = None,
    ) -> None:
        """Prepare a broker in ``folder``; nothing runs yet.

        Args:
            folder: for its configuration, log and data.
            properties: more server properties, or other values for those below.
            listeners: listener name to security protocol, in addition to the plaintext one; ``address`` gives the
                address of each.
            format_options: more arguments for Kafka's StorageTool, such as ``--add-scram``.
            heap: Java's ``-Xmx``.
            classes: a folder of Java classes that its configuration names.
        """
        self.folder = folder
        self._heap = heap
        self._classes = classes
        self._format_options = list(format_options)
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **(listeners or {})}
        self._ports = {name: HeldPort() for name in protocols}
        self._process: subprocess.Popen[bytes] | None = None
        self._write_properties(protocols, properties or {})

    @property
    def bootstrap(self) -> str:
        """The plaintext listener as ``host:port``."""
        return self.address("PLAINTEXT")

    @property
    def pid(self) -> int:
        """The running broker's process id."""
        if self._process is None:
            raise BrokerError("the broker is not running")
        return self._process.pid

    def address(self, listener: str) -> str:
        """A listener's address as ``host:port``."""
        return f"127.0.0.1:{self._ports[listener].number}"

    def start(self) -> None:
        """Start it and wait until it serves; it keeps its data of an earlier run.

        Raises:
            BrokerError: the broker did not come up.
            JavaToolError: Java or Maven is missing.
        """
        java = _java(self._classes)
        if not (self.folder / "data").exists():
            tool = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", "server.properties"]
            done = subprocess.run(  # noqa: S603  the command is this module's own
                [*java, *tool, *self._format_options], cwd=self.folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise BrokerError(f"Kafka's StorageTool failed:\n{done.stdout}{done.stderr}")
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  the command is this module's own
                [*dies_with_the_tests(), *java, f"-Xmx{self._heap}", "kafka.Kafka", "server.properties"],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._wait_until_serving()

    def stop(self) -> None:
        """Shut it down (SIGTERM) and wait for its end; no error if it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL it and wait for its end."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """End it for good: its ports are free from now on, and its data is deleted."""
        self.kill()
        for port in self._ports.values():
            port.release()
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def pause(self) -> None:
        """Stop it from answering (SIGSTOP); its connections stay open."""
        _running(self._process).send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause`` (SIGCONT)."""
        _running(self._process).send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)  # a paused process would not see SIGTERM
        self._process.send_signal(how)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait_until_serving(self) -> None:
        process = _running(self._process)
        quiet = logging.getLogger("kafka_broker")
        quiet.disabled = True  # the refused connections of the first second are expected
        client = {"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 200}
        admin = AdminClient(client, logger=quiet)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                # A broker that answers but is still fenced lists no brokers and could not hold a topic.
                if admin.list_topics(timeout=1).brokers:
                    # Until it has ids for idempotent producers, these write to stderr that they wait for one.
                    Producer({**client, "transactional.id": "serving"}, logger=quiet).init_transactions(START_SECONDS)
                    return
            except KafkaException:
                continue
        self._end(signal.SIGKILL)
        log = (self.folder / "broker.log").read_text(errors="replace")
        raise BrokerError(f"Kafka did not come up within {START_SECONDS} s; the end of its log:\n{log[-4000:]}")

    def _write_properties(self, protocols: Mapping[str, str], more: Mapping[str, str]) -> None:
        outward = [name for name in protocols if name != "CONTROLLER"]
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.address('CONTROLLER')}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://{self.address(name)}" for name in protocols),
            "advertised.listeners": ",".join(f"{name}://{self.address(name)}" for name in outward),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",  # so that the group soon notices a killed worker
            "message.max.bytes": str(MESSAGE_MAX_BYTES),
            "replica.fetch.max.bytes": str(MESSAGE_MAX_BYTES),
            # Tests write records of past years, and none may expire: not by default, and not in the check half a minute
            # after a broker's start.
            "log.retention.ms": "-1",
            "log.initial.task.delay.ms": "86400000",
            "log.retention.check.interval.ms": "86400000",
            "log.cleaner.enable": "false",
            **more,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        (self.folder / "server.properties").write_text(text)


@dataclass(frozen=True)
class RunningBroker:
    """The broker that all tests share; they may not stop it (``own_broker`` is for that)."""

    bootstrap: str

    def admin(self) -> AdminClient:
        """A new admin client."""
        return AdminClient({"bootstrap.servers": self.bootstrap})

    def create_topic(self, name: str, partitions: int = 4, **config: str) -> str:
        """Create a topic as ``create_topic`` does."""
        return create_topic(self.bootstrap, name, partitions, **config)


@dataclass(frozen=True)
class Names:
    """Names that no other test uses."""

    topic_prefix: str
    group_id: str
    source_topic: str


def create_topic(bootstrap: str, name: str, partitions: int = 4, **config: str) -> str:
    """Create a topic, wait until it can be used, and return its name; config keys have ``_`` for ``.``.

    The controller answers before the broker follows it, and the broker shows a topic before its partitions answer.
    """
    settings = {key.replace("_", "."): value for key, value in config.items()}
    new = NewTopic(name, num_partitions=partitions, replication_factor=1, config=settings)
    admin = AdminClient(
        {"bootstrap.servers": bootstrap}
    )  # kept until the result is there: without this reference the client gives up
    admin.create_topics([new])[name].result(START_SECONDS)
    asked = {TopicPartition(name, number): OffsetSpec.latest() for number in range(partitions)}

    def answers() -> bool:
        try:
            return all(end.result(START_SECONDS).offset == 0 for end in admin.list_offsets(asked).values())
        except KafkaException:
            return False

    wait_for(answers, f"each partition of the new topic {name} is answered for")
    return name


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    """Start a broker, and end it afterwards in any state."""
    try:
        broker.start()
        yield broker
    finally:
        broker.abandon()


def _running(process: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes]:
    if process is None:
        raise BrokerError("the broker is not running")
    return process


def compile_java(source: Path, into: Path) -> Path:
    """Compile a Java class against Kafka's jars, and return its folder.

    Raises:
        JavaToolError: there is no compiler, or it refuses the source.
    """
    return compile_class(source, kafka_jars(), into)


def kafka_jars() -> Path:
    """The folder of Kafka's jars."""
    return fetch(KAFKA_FOLDER, f"Apache Kafka, {_OR_RUNNING}")


def _java(classes: Path | None) -> list[str]:
    """The Java command with Kafka's jars and a folder of more classes on its class path."""
    command = java_command(f"The broker tests run a real Apache Kafka, {_OR_RUNNING}. They need")
    return [command, "-cp", f"{kafka_jars()}/*" if classes is None else f"{kafka_jars()}/*:{classes}"]


def _cluster_id() -> str:
    return uuid.uuid4().hex[:22]  # StorageTool random-uuid prints 22 characters of base64
