"""A confluent-kafka consumer that joins no group, commits nothing and reads the partitions that it is assigned.

Rules:
- librdkafka reports refused credentials and failed handshakes only through its error callback, which it calls only
  while it is polled. So each question to the cluster is asked in short turns, with a poll between them.
- A refusal ends the attempt at once. A broker that does not answer ends it after ``PATIENCE`` seconds. Refusals that
  concern the group do not count: no group is joined.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.errors import SourceError
from streams.kafka.errors import is_retriable
from streams.kafka.refusals import error_text, explain_refusal, is_of_a_group, is_refusal
from streams.kafka.security import confluent_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from confluent_kafka import Message

    from streams.settings import Settings

Answer = TypeVar("Answer")

PATIENCE = 30.0
GROUP = "rootwatch-backtest"
_BATCH = 1_000
_TURN = 3.0
_PAUSE = 0.1

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())
log.propagate = False  # what matters is raised, or is in the read stats


class TopicRefusedError(SourceError):
    """The right to describe or to read a topic is missing; the message names the topic and the right."""


class Connection:
    """A consumer, and the last error that its cluster reported. As a context it closes the consumer.

    It reads committed records only, and stops before the first open transaction. With ``uncommitted`` it reads every
    record, and its watermarks count every record. With ``skip_deleted`` it goes on at the oldest record if retention
    deletes the next one; else that is an error. ``group`` is for a reader that joins one (``readers/group.py``).
    """

    def __init__(
        self, settings: Settings, *, uncommitted: bool = False, skip_deleted: bool = False, group: str = GROUP
    ) -> None:
        self._settings = settings
        self._servers = ",".join(settings.bootstrap_servers)
        self.last_error: KafkaError | None = None
        self.refusal: KafkaError | None = None
        options: dict[str, Any] = {
            "group.id": group,  # the library requires one; without subscription and commits it has no effect
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest" if skip_deleted else "error",
            "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
            "queued.min.messages": 1_000_000,  # so that the limit in bytes below decides
            "queued.max.messages.kbytes": 64 * 1024,
            "fetch.queue.backoff.ms": 1,  # by default the fetcher sleeps a second whenever its queue is full
            # If a question comes first, the library sleeps for half of this (100 by default) before it connects.
            "reconnect.backoff.ms": 20,
            "error_cb": self._note,
        }
        if group != GROUP:
            session = settings.session_timeout
            options |= {"session.timeout.ms": session, "heartbeat.interval.ms": max(1, session // 3)}
        self.consumer = Consumer(confluent_options(settings) | options, logger=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close()

    def ask(self, what: str, question: Callable[[float], Answer]) -> Answer:
        """Ask the cluster something: call ``question``, with a timeout in seconds, until it has an answer.

        A record that arrives meanwhile is lost. So a caller that has assigned partitions reads their positions first,
        and assigns them again afterwards.

        Raises:
            SourceError: the cluster refuses, or cannot be reached; the message names ``what`` was asked.
        """
        until = time.monotonic() + PATIENCE
        while True:
            self.consumer.poll(0)
            self.raise_refusal(what)
            try:
                return question(_TURN)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                self.consumer.poll(_PAUSE)
                self.raise_refusal(what)
                if is_refusal(cause) or not (is_retriable(cause) or cause.code() < 0):
                    raise _refused(cause)(f"{what}: {error_text(cause)}") from error
                if time.monotonic() > until:
                    text = error_text(self.last_error or cause)
                    raise SourceError(f"{what}: no answer from {self._servers} in {PATIENCE:.0f} s: {text}") from error

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; none if there is no such topic.

        Raises:
            SourceError: as ``ask``.
            TopicRefusedError: the right to describe the topic is missing.
        """
        what = f"topic {topic}: Describe"
        metadata = self.ask(what, lambda timeout: self.consumer.list_topics(topic, timeout)).topics[topic]
        if metadata.error is not None and metadata.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise _refused(metadata.error)(f"{what}: {error_text(metadata.error)}")
        return sorted(metadata.partitions)

    def require_partitions(self, topic: str, fix: str = "") -> list[int]:
        """The topic's partitions; ``fix`` is appended to the error.

        Raises:
            SourceError: as ``partitions``, or there is no such topic.
        """
        partitions = self.partitions(topic)
        if not partitions:
            raise SourceError(f"topic {topic}: there is no such topic{fix}")
        return partitions

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """The oldest offset and the end: the offset that is written next, or that of the first open transaction.

        Raises:
            SourceError: as ``ask``.
        """
        position = TopicPartition(topic, partition)
        bounds: tuple[int, int] = self.ask(
            f"topic {topic}, partition {partition}: ListOffsets",
            lambda timeout: self.consumer.get_watermark_offsets(position, timeout),
        )
        return bounds

    def offsets_at(self, topic: str, partitions: Iterable[int], timestamp: int) -> dict[int, int | None]:
        """By partition, the first offset whose Kafka timestamp (milliseconds) is at or after this one, if any.

        Raises:
            SourceError: as ``ask``.
        """
        since = max(0, timestamp)  # Kafka takes negative numbers for "the end" and the like
        positions = [TopicPartition(topic, partition, since) for partition in partitions]
        found = self.ask(
            f"topic {topic}: ListOffsets", lambda timeout: self.consumer.offsets_for_times(positions, timeout)
        )
        offsets: dict[int, int | None] = {}
        for position in found:
            if position.error is not None:
                raise SourceError(f"topic {topic}, partition {position.partition}: {error_text(position.error)}")
            offsets[position.partition] = position.offset if position.offset >= 0 else None
        return offsets

    def read_to_end(self, topic: str, partitions: Iterable[int]) -> Iterator[Message]:
        """The records of these partitions, from the oldest to the end as it is at the start.

        Raises:
            SourceError: as ``read``.
        """
        return self.read(topic, {partition: self.watermarks(topic, partition) for partition in partitions})

    def read(self, topic: str, spans: Mapping[int, tuple[int, int]], until: float = math.inf) -> Iterator[Message]:
        """The records of a span of offsets, the end exclusive, of each partition.

        Args:
            topic: the topic.
            spans: first offset and end, by partition.
            until: when to stop before the ends are reached, by ``time.monotonic``.

        Raises:
            SourceError: as ``ask``.
            TopicRefusedError: the right to read the topic is missing.
        """
        ends = {partition: end for partition, (start, end) in spans.items() if start < end}
        self._assign(topic, {partition: spans[partition][0] for partition in ends})
        heard = time.monotonic()
        while ends and time.monotonic() < until:
            for message in self._consume(topic, _BATCH):
                heard = time.monotonic()
                if message.error() is not None:
                    ends.pop(message.partition(), None)
                elif message.offset() < ends.get(message.partition(), 0):
                    yield message
            if time.monotonic() - heard > PATIENCE:
                raise _silence(topic)
            # Control records and compaction may have taken a partition's last offsets: no record reaches its end.
            for position in self.consumer.position([TopicPartition(topic, partition) for partition in ends]):
                if position.offset >= ends[position.partition]:
                    del ends[position.partition]

    def follow(self, topics: Mapping[str, Mapping[int, int]]) -> Iterator[Message]:
        """The records of each topic's partitions from an offset on, without end: it waits for those to come.

        Raises:
            SourceError: as ``read``; an outage is waited out.
        """
        self.consumer.assign(
            [
                TopicPartition(topic, partition, offset)
                for topic, starts in topics.items()
                for partition, offset in starts.items()
            ]
        )
        name = ", ".join(topics)
        while True:
            for message in self._consume(name, _BATCH):
                if message.error() is None:
                    yield message

    def first_record(self, topic: str, partition: int, offset: int) -> Message | None:
        """The first record of a partition at or after an offset; ``None`` if none comes before the end.

        Raises:
            SourceError: as ``read``.
        """
        self._assign(topic, {partition: offset})
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for message in self._consume(topic, 1):
                return message if message.error() is None else None
        raise _silence(topic)

    def _assign(self, topic: str, starts: Mapping[int, int]) -> None:
        self.consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])

    def _consume(self, topic: str, count: int) -> Iterator[Message]:
        """The next records, and messages whose error says that the end of their partition is reached."""
        for message in self.consumer.consume(count, _PAUSE):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  a public name
                yield message
            elif not (is_retriable(error) or is_of_a_group(error)):
                raise _refused(error)(f"topic {message.topic() or topic}: Read: {error_text(error)}")
        self.raise_refusal(f"topic {topic}: Read")

    def raise_refusal(self, what: str) -> None:
        """Raise SourceError if the cluster has refused the credentials or a right."""
        if self.refusal is not None:
            raise SourceError(f"{what}: {self._servers}: {explain_refusal(self.refusal, self._settings)}")

    def _note(self, error: KafkaError) -> None:
        self.last_error = error
        if is_refusal(error) and not is_of_a_group(error):
            self.refusal = error


def _silence(topic: str) -> SourceError:
    return SourceError(f"topic {topic}: Read: no broker has answered for {PATIENCE:.0f} s")


def _refused(error: KafkaError) -> type[SourceError]:
    return TopicRefusedError if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else SourceError
