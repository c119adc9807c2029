"""Reads single records of a topic by partition and offset, and says what is there if no record has that offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.errors import SourceError
from streams.kafka.readers.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Message

    from streams.settings import Settings

_Position = tuple[int, int]  # a partition and an offset


class NoRecordError(SourceError):
    """No record is at this position; the message names topic, partition and offset, and says what is there instead."""


@dataclass(frozen=True, slots=True)
class SingleRecord:
    """A record; it is not committed if its transaction was aborted, or has not ended. Workers do not read it then."""

    message: Message
    is_committed: bool


def read_records(
    settings: Settings, topic: str, positions: Iterable[_Position]
) -> Iterator[SingleRecord | NoRecordError]:
    """The record at each position (partition and offset), or the error that says why there is none.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no such topic.
    """
    with Connection(settings) as committed, Connection(settings, uncommitted=True) as uncommitted:
        partitions = committed.require_partitions(topic)
        for position in positions:
            try:
                _check(uncommitted, topic, position, partitions)
                yield _read(committed, uncommitted, topic, position)
            except NoRecordError as error:
                yield error


def _check(connection: Connection, topic: str, position: _Position, partitions: list[int]) -> None:
    """Raise NoRecordError if the partition does not exist, or ends before the offset, or begins after it."""
    partition, offset = position
    if partition not in partitions:
        raise _no_record(
            topic, position, f"the topic has no partition {partition}; it has {partitions[0]} to {partitions[-1]}"
        )
    oldest, end = connection.watermarks(topic, partition)
    present = f"the partition holds offsets {oldest} to {end - 1}" if oldest < end else "the partition is empty"
    if offset < oldest:
        raise _no_record(topic, position, f"the record is already deleted; {present}")
    if offset >= end:
        raise _no_record(topic, position, f"nothing is written there yet; {present}, the next offset is {end}")


def _read(committed: Connection, uncommitted: Connection, topic: str, position: _Position) -> SingleRecord:
    partition, offset = position
    if offset < committed.watermarks(topic, partition)[1]:
        message = committed.first_record(topic, partition, offset)
        if message is not None and message.offset() == offset:
            return SingleRecord(message, is_committed=True)
    message = uncommitted.first_record(topic, partition, offset)
    if message is not None and message.offset() == offset:
        return SingleRecord(message, is_committed=False)
    following = "no record follows" if message is None else f"the next record is at offset {message.offset()}"
    raise _no_record(
        topic, position, f"no record has this offset: a transaction ended here, or compaction took it; {following}"
    )


def _no_record(topic: str, position: _Position, reason: str) -> NoRecordError:
    partition, offset = position
    return NoRecordError(f"topic {topic}, partition {partition}, offset {offset}: {reason}")
