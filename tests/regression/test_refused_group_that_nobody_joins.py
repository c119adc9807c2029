"""A refused group closed partition 0 of a replay, and ended `alerts` and `state`, although none of them joins a group.

librdkafka looks for the coordinator of its ``group.id`` in the background. The refusal arrives as an error message of
partition 0 without a topic, before or after the records: a small topic was read before it, a large one was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition
from sightings import RULES

from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.sources.topic_task import Slice, TopicTask
from streams.kafka.readers.alerts import read_alerts
from streams.kafka.readers.connection import Connection
from streams.pipeline import ExtractSettings
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = Settings(bootstrap_servers="127.0.0.1:9")
REFUSED = KafkaError.GROUP_AUTHORIZATION_FAILED


class Refused:
    """A consumer that gets its group's refusal before each of two records of partition 0."""

    def __init__(self, *_: object, **__: object) -> None:
        """Hold the coming messages."""
        self.position_now = 0
        group = Message(error=KafkaError(REFUSED), partition=0)
        end = Message("t", 0, 2, error=KafkaError(KafkaError._PARTITION_EOF))  # noqa: SLF001  a public name
        self.coming = [group, Message("t", 0, 0, b"k", b"{}"), group, Message("t", 0, 1, b"k", b"{}"), group, end]

    def poll(self, _seconds: float) -> Message | None:
        """The next message."""
        message = self.coming.pop(0) if self.coming else None
        if message is not None and message.error() is None:
            self.position_now = message.offset() + 1
        return message

    def consume(self, _count: int, _seconds: float) -> list[Message]:
        """The next message alone."""
        message = self.poll(0)
        return [] if message is None else [message]

    def position(self, places: list[TopicPartition]) -> list[TopicPartition]:
        """The offset after the last record."""
        return [TopicPartition(place.topic, place.partition, self.position_now) for place in places]

    def get_watermark_offsets(self, _place: TopicPartition, _timeout: float) -> tuple[int, int]:
        """The offsets around two records."""
        return 0, 2

    def assign(self, _places: list[TopicPartition]) -> None:
        """Nothing to do."""

    pause = assign

    def close(self) -> None:
        """Nothing to do."""


def replayed() -> int:
    """How many messages a replay reads."""
    chunks = list(TopicTask(SETTINGS, "t", (Slice(0, 0, 2),)).read(ReadSettings(RULES, ExtractSettings())))
    assert [chunk.stats.failures for chunk in chunks] == [[] for _ in chunks]
    return sum(chunk.stats.messages for chunk in chunks)


def read_to_the_end() -> int:
    """How many messages `state` and `--compare` read."""
    with Connection(SETTINGS) as connection:
        return len(list(connection.read_to_end("t", [0])))


def shown() -> int:
    """How many messages `alerts` reads."""
    return len(list(read_alerts(SETTINGS, "t")))


@pytest.mark.parametrize("count", [replayed, read_to_the_end, shown])
def test_a_refused_group_ends_no_reading(count: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """All records are read, whenever the refusal comes."""
    monkeypatch.setattr("streams.kafka.readers.connection.Consumer", Refused)
    monkeypatch.setattr("streams.kafka.readers.connection.Connection.partitions", lambda *_: [0])
    assert count() == 2
