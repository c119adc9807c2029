"""The broker is asked how far the whole group has handled a topic."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata

from streams.worker.consumer import progress
from streams.worker.consumer.progress import Progress, ask_progress

if TYPE_CHECKING:
    from collections.abc import Sequence


class Asked:
    """A consumer of a topic with three partitions, of which the group has committed offsets in two."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self._failure = failure
        self._coordinator = self

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions that the client knows."""
        return {0, 1, 2} if topic == "cloudtrail" else None

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends."""
        if self._failure is not None:
            raise self._failure
        return {tp: 10 * tp.partition for tp in partitions}

    async def fetch_committed_offsets(self, _partitions: object) -> dict[TopicPartition, OffsetAndMetadata]:
        """The group's offsets."""
        return {TopicPartition("cloudtrail", number): OffsetAndMetadata(3 * number, "") for number in (0, 2)}


def test_what_the_group_has_handled() -> None:
    """S9: each partition, whichever worker has it; without a commit it is not known, and a missing topic has none."""
    consumer: Any = Asked()
    assert asyncio.run(ask_progress(consumer, ["cloudtrail", "missing"])) == [
        Progress("cloudtrail", 0, 0, 0),
        Progress("cloudtrail", 1, None, 10),
        Progress("cloudtrail", 2, 6, 20),
    ]


def test_a_broker_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """S9: an error, or no answer in time, is no progress; another failure is raised."""
    consumer: Any = Asked(KafkaConnectionError("gone"))
    assert asyncio.run(ask_progress(consumer, ["cloudtrail"])) is None
    with pytest.raises(RuntimeError):
        asyncio.run(ask_progress(Asked(RuntimeError()), ["cloudtrail"]))
    monkeypatch.setattr(progress, "ANSWER_SECONDS", 0.01)
    silent: Any = SimpleNamespace(
        partitions_for_topic=lambda _topic: {0}, end_offsets=lambda _partitions: asyncio.Event().wait()
    )
    assert asyncio.run(ask_progress(silent, ["cloudtrail"])) is None
