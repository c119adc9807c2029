"""Reads topics as a member of a consumer group: what nobody has handled comes again, to this process or another.

Where a group begins is committed before it reads, for every partition. Otherwise a process that ends before its first
commit would begin at another place the next time, and what came between would be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from streams.errors import SourceError
from streams.kafka.errors import is_retriable
from streams.kafka.readers.connection import Connection
from streams.kafka.refusals import error_text, is_refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from streams.settings import Settings

_BATCH = 100
_TURN = 0.2
_NOT_MEMBER = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS})


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Position(NamedTuple):
    """What a group has committed of a partition: the next offset to handle, and a text with it."""

    offset: int
    metadata: str


class Ledger(Protocol):
    """Knows what a member of the group has handled."""

    def assign(self, starts: Mapping[Place, Position]) -> None:
        """Partitions come; reading begins at these positions."""

    def news(self, places: Collection[Place] | None = None) -> dict[Place, Position]:
        """What is to be committed, of these partitions or of all."""

    def committed(self, positions: Mapping[Place, Position]) -> None:
        """These positions are committed."""

    def revoke(self, places: Collection[Place]) -> None:
        """Partitions have gone."""


class GroupReader:
    """A member of a consumer group. Use it as a context; its end commits what is handled, and leaves the group.

    Args:
        settings: how to reach the cluster.
        group: the consumer group.
        ledger: is told which partitions come and go, and asked what to commit.
    """

    def __init__(self, settings: Settings, group: str, ledger: Ledger) -> None:
        self._group = group
        self._ledger = ledger
        self._connection = Connection(settings, skip_deleted=True, group=group)
        self._consumer: Consumer = self._connection.consumer
        self._paused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.commit()
        finally:
            self._consumer.close()

    def begin(self, topics: Iterable[str], *, since: int | None = None, required: Collection[str] = ()) -> list[str]:
        """Commit where the group begins in topics of which it has committed nothing; it must not have members.

        Args:
            topics: the topics; one that does not exist is left out.
            since: begin with what was written at or after this time (milliseconds); ``None`` for the end as it is now.
            required: topics that must exist.

        Returns:
            The topics that exist.

        Raises:
            SourceError: the cluster cannot be reached or refuses, or a required topic does not exist.
        """
        found = []
        for topic in topics:
            ask = self._connection.require_partitions if topic in required else self._connection.partitions
            partitions = ask(topic)
            if not partitions:
                continue
            found.append(topic)
            places = [Place(topic, partition) for partition in partitions]
            if all(position is None for position in self._committed(places).values()):
                self._commit({place: Position(offset, "") for place, offset in self._starts(places, since).items()})
        return found

    def join(self, topics: Sequence[str]) -> None:
        """Become a member; records come from ``read``."""
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def read(self) -> list[Message]:
        """The records that have come, after a moment's wait if there are none.

        Raises:
            SourceError: the cluster refuses the credentials or a right; an outage is waited out.
        """
        messages = []
        for message in self._consumer.consume(1 if self._paused else _BATCH, _TURN):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() != KafkaError._PARTITION_EOF and (  # noqa: SLF001  a public name
                is_refusal(error) or not (is_retriable(error) or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART)
            ):
                raise SourceError(f"group {self._group}, {message.topic() or 'topics'}: Read: {error_text(error)}")
        self._connection.raise_refusal(f"group {self._group}: Read")
        return messages

    def pause(self, *, paused: bool) -> None:
        """Let no records come for a while, or let them come again; the membership goes on."""
        if paused != self._paused:
            partitions = self._consumer.assignment()
            (self._consumer.pause if paused else self._consumer.resume)(partitions)
            self._paused = paused

    def commit(self) -> None:
        """Commit what is handled; what the broker does not take now is committed with the next call.

        Raises:
            SourceError: the cluster refuses.
        """
        self._commit(self._ledger.news())

    def _commit(self, positions: Mapping[Place, Position]) -> None:
        if not positions:
            return
        offsets = [
            TopicPartition(place.topic, place.partition, position.offset, metadata=position.metadata)
            for place, position in positions.items()
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if is_refusal(error) or not (is_retriable(error) or error.code() in _NOT_MEMBER or error.code() < 0):
                raise SourceError(f"group {self._group}: commit: {error_text(error)}") from failure
        else:
            self._ledger.committed(positions)

    def _committed(self, places: Sequence[Place]) -> dict[Place, Position | None]:
        asked = [TopicPartition(place.topic, place.partition) for place in places]
        answered: list[TopicPartition] = self._connection.ask(
            f"group {self._group}: OffsetFetch", lambda timeout: self._consumer.committed(asked, timeout)
        )
        found: dict[Place, Position | None] = {}
        for position in answered:
            if position.error is not None:
                raise SourceError(f"group {self._group}, topic {position.topic}: {error_text(position.error)}")
            place = Place(position.topic, position.partition)
            is_there = position.offset != OFFSET_INVALID
            found[place] = Position(position.offset, position.metadata or "") if is_there else None
        return found

    def _starts(self, places: Sequence[Place], since: int | None) -> dict[Place, int]:
        topic = places[0].topic
        ends = {place: self._connection.watermarks(topic, place.partition)[1] for place in places}
        if since is None:
            return ends
        starts = self._connection.offsets_at(topic, [place.partition for place in places], since)
        return {place: end if (start := starts[place.partition]) is None else start for place, end in ends.items()}

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [Place(partition.topic, partition.partition) for partition in partitions]
        # Without an offset it is a partition that was added later: all of it is new.
        starts = {place: position or Position(0, "") for place, position in self._committed(places).items()}
        self._ledger.assign(starts)
        consumer.assign([TopicPartition(*place, position.offset) for place, position in starts.items()])
        self._paused = False

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        places = [Place(partition.topic, partition.partition) for partition in partitions]
        self._commit(self._ledger.news(places))
        self._ledger.revoke(places)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._ledger.revoke([Place(partition.topic, partition.partition) for partition in partitions])
