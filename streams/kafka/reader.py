"""A confluent-kafka consumer that belongs to no group, commits nothing and reads what it is assigned.

Rules:
- librdkafka reports refused credentials and failed handshakes only through its error callback, and serves that only
  while it is polled: so every question to the cluster is asked in short turns with a poll between them.
- A refusal ends the attempt at once; a broker that is not there, after ``PATIENCE`` seconds. What is refused of the
  group is no refusal: none is joined.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.errors import SourceError
from streams.kafka.errors import is_retriable
from streams.kafka.refusals import error_text, explained, is_of_a_group, is_refusal
from streams.kafka.security import confluent_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
log.propagate = False  # what matters of it is raised, or is in a stats


class Connection:
    """A consumer and what its cluster last complained of. Use it as a context: it closes the consumer.

    It reads what is committed, and ends before the first transaction that is still open. With ``uncommitted``, which
    is for questions about offsets, everything that was written is there.
    """

    def __init__(self, settings: Settings, *, uncommitted: bool = False) -> None:
        self._settings = settings
        self._servers = ",".join(settings.bootstrap_servers)
        self.last_error: KafkaError | None = None
        self.refusal: KafkaError | None = None
        options: dict[str, Any] = {
            "group.id": GROUP,  # the library wants one; without subscription or commit it is not used
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",  # a deleted offset is to be named, not skipped silently
            "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
            "queued.min.messages": 1_000_000,  # so that the bytes below bound it
            "queued.max.messages.kbytes": 64 * 1024,
            "fetch.queue.backoff.ms": 1,  # by default the fetcher sleeps a second whenever its queue is full
            "error_cb": self._note,
        }
        self.consumer = Consumer(confluent_options(settings) | options, logger=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close()

    def ask(self, what: str, question: Callable[[float], Answer]) -> Answer:
        """Ask the cluster something; ``question`` takes a timeout in seconds and is asked until it has an answer.

        A message that comes meanwhile is lost: whoever has assigned partitions reads their positions before, and goes
        on from there.

        Raises:
            SourceError: the cluster refuses, or cannot be reached; names ``what`` was asked.
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
                    raise SourceError(f"{what}: {error_text(cause)}") from error
                if time.monotonic() > until:
                    text = error_text(self.last_error or cause)
                    raise SourceError(f"{what}: no answer from {self._servers} in {PATIENCE:.0f} s: {text}") from error

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; none if there is no such topic.

        Raises:
            SourceError: as ``ask``, or the topic may not be looked at.
        """
        what = f"topic {topic}: Describe"
        metadata = self.ask(what, lambda timeout: self.consumer.list_topics(topic, timeout)).topics[topic]
        if metadata.error is not None and metadata.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise SourceError(f"{what}: {error_text(metadata.error)}")
        return sorted(metadata.partitions)

    def watermarks(self, topic: str, partition: int) -> tuple[int, int]:
        """The oldest offset that is there and the end: the next one to be written, or the first open transaction's.

        Raises:
            SourceError: as ``ask``.
        """
        place = TopicPartition(topic, partition)
        bounds: tuple[int, int] = self.ask(
            f"topic {topic}, partition {partition}: ListOffsets",
            lambda timeout: self.consumer.get_watermark_offsets(place, timeout),
        )
        return bounds

    def read_to_end(self, topic: str, partitions: Sequence[int]) -> Iterator[Message]:
        """The messages of these partitions, from the oldest that is there to the end seen at the start.

        Raises:
            SourceError: as ``ask``, or the topic may not be read.
        """
        bounds = {partition: self.watermarks(topic, partition) for partition in partitions}
        ends = {partition: end for partition, (oldest, end) in bounds.items() if oldest < end}
        self.consumer.assign([TopicPartition(topic, partition, bounds[partition][0]) for partition in ends])
        heard = time.monotonic()
        while ends:
            for message in self.consumer.consume(_BATCH, 0.1):
                heard = time.monotonic()
                error = message.error()
                if error is None and message.offset() < ends.get(message.partition(), 0):
                    yield message
                elif error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  a public name
                    ends.pop(message.partition(), None)
                elif error is not None and not (is_retriable(error) or is_of_a_group(error)):
                    raise SourceError(f"topic {topic}: Read: {error_text(error)}")
            self.raise_refusal(f"topic {topic}: Read")
            if time.monotonic() - heard > PATIENCE:
                raise SourceError(f"topic {topic}: Read: nothing heard for {PATIENCE:.0f} s")
            for place in self.consumer.position([TopicPartition(topic, partition) for partition in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]

    def first_record(self, topic: str, partition: int, offset: int) -> Message | None:
        """The first record of a partition at or after an offset; ``None`` if none comes before the end.

        Raises:
            SourceError: as ``ask``, or the topic may not be read.
        """
        what = f"topic {topic}: Read"
        self.consumer.assign([TopicPartition(topic, partition, offset)])
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            message = self.consumer.poll(_PAUSE)
            self.raise_refusal(what)
            if message is None:
                continue
            error = message.error()
            if error is None:
                return message
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  a public name
                return None
            if not (is_retriable(error) or is_of_a_group(error)):
                raise SourceError(f"{what}: {error_text(error)}")
        raise SourceError(f"{what}: nothing heard for {PATIENCE:.0f} s")

    def raise_refusal(self, what: str) -> None:
        """Raise SourceError if the cluster has refused the credentials or a right."""
        if self.refusal is not None:
            raise SourceError(f"{what}: {self._servers}: {explained(self.refusal, self._settings)}")

    def _note(self, error: KafkaError) -> None:
        self.last_error = error
        if is_refusal(error) and not is_of_a_group(error):
            self.refusal = error
