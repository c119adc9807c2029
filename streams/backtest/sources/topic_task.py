"""Reads slices of a topic's partitions in one process.

Rules:
- A slice ends at its end offset, or at the partition's end as the broker reports it: control records, aborted
  transactions or compaction may have taken the last offsets. No transaction is open in a slice (``topic``).
- With ``--to``: a broker that stamps records itself (LogAppendTime) stamps them in ascending order, so the first record
  at or after ``--to`` ends the slice. Producers' timestamps need not ascend, so the slice goes on until
  ``TAIL_RECORDS`` in a row are more than a day younger than ``--to``.
- Records that retention deletes while the slice is read are named like those deleted before.
- The loop over a batch decides the speed, so rare cases are handled outside of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, TopicPartition
from msgspec import Struct, field

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import Chunk
from streams.backtest.sources.span import LATE_DELIVERY, Span
from streams.errors import SourceError
from streams.extraction.kafka_time import NO_TIMESTAMP
from streams.kafka.errors import is_retriable
from streams.kafka.origin import timestamp_of
from streams.kafka.readers.connection import PATIENCE, Connection
from streams.kafka.refusals import error_text, is_of_a_group
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from streams.backtest.reading.tasks import ReadSettings
    from streams.settings import Settings

BATCH = 250
"""Messages taken at once: few enough that they stay in the processor's cache until they are read."""

FIRST_BATCH = 10
BATCH_BYTES = 16 * 1024 * 1024
"""About how many bytes a batch may take; the sizes of the last batch decide how many messages the next one takes."""

BATCH_SECONDS = 0.1
TAIL_RECORDS = 10_000
CHUNK_SECONDS = 0.5


class Slice(Struct, frozen=True):
    """Offsets of one partition, the end exclusive."""

    partition: int
    start: int
    end: int


class _Open(Struct):
    """A slice that is being read; ``tail`` counts the last records in a row that are far beyond ``--to``."""

    start: int
    end: int
    tail: int = 0
    is_first: bool = True
    has_ended: bool = False


class TopicTask(Struct, frozen=True):
    """Slices of different partitions, read together.

    Attributes:
        settings: how to reach the cluster.
        topic: the topic.
        slices: what to read.
        span: of Kafka timestamps.
        oldest: the oldest offset, by partition; it tells whether ``--from`` lies before it.
    """

    settings: Settings
    topic: str
    slices: tuple[Slice, ...]
    span: Span = field(default_factory=Span)
    oldest: dict[int, int] = field(default_factory=dict)

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the slices; failures are in the stats."""
        reader = Reader(read_settings)
        try:
            with Connection(self.settings) as connection:
                for _ in _SliceReader(self, connection, reader).run():
                    yield Chunk(*reader.take())
        except SourceError as error:
            reader.stats.failures.append((f"topic {self.topic}", str(error)))
        yield Chunk(*reader.take())


def batch_count(size: int, messages: int) -> int:
    """How many messages to take next, if the last ``messages`` took ``size`` bytes in all."""
    return min(BATCH, max(1, BATCH_BYTES * messages // max(1, size)))


class _SliceReader:
    def __init__(self, task: TopicTask, connection: Connection, reader: Reader) -> None:
        self._task = task
        self._connection = connection
        self._consumer = connection.consumer
        self._reader = reader
        self._open = {piece.partition: _Open(piece.start, piece.end) for piece in task.slices}
        self._is_careful = task.span != Span()

    def run(self) -> Iterator[None]:
        """Read on; yield whenever there is something to hand over."""
        topic = self._task.topic
        self._consumer.assign([TopicPartition(topic, piece.partition, piece.start) for piece in self._task.slices])
        heard = handed_over = time.monotonic()
        count = FIRST_BATCH
        while self._open:
            batch = self._consumer.consume(count, BATCH_SECONDS)
            self._connection.raise_refusal(f"topic {topic}: Read")
            now = time.monotonic()
            if batch:
                heard = now
                count = batch_count(sum(map(len, batch)), len(batch))
                self._batch(batch)
                batch = []  # so that no more than one batch of large messages is held
            elif now - heard > PATIENCE:
                last = self._connection.last_error
                raise SourceError(f"nothing heard for {PATIENCE:.0f} s{f': {last.str()}' if last else ''}")
            if self._reader.is_full or now - handed_over > CHUNK_SECONDS:
                handed_over = now
                yield

    def _batch(self, batch: list[Message]) -> None:
        messages = [message for message in batch if message.error() is None]
        positions = self._consumer.position([TopicPartition(self._task.topic, number) for number in self._open])
        reached = {position.partition: position.offset for position in positions}
        if any(reached[number] > piece.end for number, piece in self._open.items()):
            self._is_careful = True
        if self._is_careful:
            messages = [message for message in messages if self._counts(message)]
        self._reader.records(messages)
        if len(messages) < len(batch):
            for message in batch:
                if (error := message.error()) is not None:
                    self._handle_error(message.partition(), error)
        for number in [
            number for number, piece in self._open.items() if piece.has_ended or reached[number] >= piece.end
        ]:
            self._close(number)

    def _counts(self, message: Message) -> bool:
        """Whether a message lies in its slice and span; called in order of offset, so it sees where the slice ends."""
        piece = self._open.get(message.partition())
        if piece is None or piece.has_ended or message.offset() >= piece.end:
            return False
        span = self._task.span
        if span == Span():
            return True
        stamped_by, timestamp = message.timestamp()[0], timestamp_of(message)
        if piece.is_first:
            piece.is_first = False
            self._warn_if_start_is_older(message, timestamp)
        if span.end is not None:
            is_beyond = timestamp >= span.end + LATE_DELIVERY
            piece.tail = piece.tail + 1 if is_beyond else 0
            by_broker = stamped_by == TIMESTAMP_LOG_APPEND_TIME and timestamp >= span.end
            piece.has_ended = by_broker or piece.tail >= TAIL_RECORDS
        return timestamp == NO_TIMESTAMP or timestamp in span

    def _warn_if_start_is_older(self, message: Message, timestamp: int) -> None:
        start = self._task.span.start
        if start is not None and timestamp > start and self._task.oldest.get(message.partition()) == message.offset():
            self._reader.stats.warnings.append(
                f"{self._task.topic}[{message.partition()}]: --from is before the oldest record, which is of "
                f"{to_iso8601(timestamp)}"
            )

    def _handle_error(self, number: int, error: KafkaError) -> None:
        """Handle an error that the library reports in place of a message."""
        if number not in self._open:
            return
        match error.code():
            case KafkaError._PARTITION_EOF:  # noqa: SLF001  a public name
                self._close(number)
            case KafkaError._AUTO_OFFSET_RESET | KafkaError.OFFSET_OUT_OF_RANGE:  # noqa: SLF001
                self._go_on_after_deletion(number)
            case _ if is_retriable(error) or is_of_a_group(error):
                pass
            case _:
                self._reader.stats.failures.append((f"{self._task.topic}[{number}]", f"Read: {error_text(error)}"))
                self._close(number)

    def _go_on_after_deletion(self, number: int) -> None:
        topic = self._task.topic
        positions = self._consumer.position([TopicPartition(topic, open_number) for open_number in self._open])
        oldest, _ = self._connection.watermarks(topic, number)
        self._reader.stats.truncated.append(
            f"{topic}[{number}]: records were deleted while they were being read; going on from offset {oldest}"
        )
        # The library has given up the partition and cannot seek in it, so all open partitions are assigned again.
        onward = {
            position.partition: max(position.offset, self._open[position.partition].start) for position in positions
        }
        onward[number] = oldest
        self._consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in onward.items()])

    def _close(self, number: int) -> None:
        # A fetched message may still come after the pause, so from now on each message is checked.
        self._is_careful = True
        self._open.pop(number, None)
        self._consumer.pause([TopicPartition(self._task.topic, number)])
