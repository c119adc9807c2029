"""Reads alerts, overflow, activity and summaries in either wire format: to the end, or on and on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from streams.kafka.readers.connection import Connection
from streams.wire.confluent.registry import schema_lookup
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from confluent_kafka import Message

    from streams.settings import Settings
    from streams.wire.alert import SchemaLookup


class Decode(Protocol):
    """Reads one value of a topic."""

    def __call__(self, value: bytes, lookup: SchemaLookup | None, /) -> dict[str, Any]:
        """Return the value; ``WireError`` if it is none, or if this version cannot read it."""


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A value that is not what its topic holds, or that this version cannot read: where it is, and why."""

    topic: str
    partition: int
    offset: int
    error: str

    def __str__(self) -> str:
        return f"{self.topic}, partition {self.partition}, offset {self.offset}: {self.error}"


class Source(NamedTuple):
    """A topic and how its values are read."""

    topic: str
    decode: Decode


class PublishedReader:
    """Reads topics over one connection, one after the other. Use it as a context.

    Args:
        settings: how to reach the cluster and the registry.
        follow: if retention overtakes the reader, go on at the oldest record; else that is an error.

    Raises:
        OperatorError: the registry's settings are wrong.
    """

    def __init__(self, settings: Settings, *, follow: bool = False) -> None:
        self._lookup = schema_lookup(settings) if settings.schema_registry_url else None
        self._connection = Connection(settings, skip_deleted=follow)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__()

    def spans(
        self, topic: str, *, since: int | None = None, may_be_missing: bool = False
    ) -> dict[int, tuple[int, int]]:
        """First offset and end of each partition, as they are now.

        Args:
            topic: the topic.
            since: leave out what has an older Kafka timestamp (milliseconds).
            may_be_missing: take a topic that does not exist for an empty one.

        Raises:
            SourceError: the cluster cannot be reached or refuses, or there is no such topic.
        """
        connection = self._connection
        partitions = connection.partitions(topic) if may_be_missing else connection.require_partitions(topic)
        spans = {partition: connection.watermarks(topic, partition) for partition in partitions}
        if since is None or not partitions:  # Kafka takes no question about no partition
            return spans
        starts = connection.offsets_at(topic, partitions, since)
        # A partition without an offset has nothing so new yet; what is written later is.
        return {
            partition: (end if (start := starts[partition]) is None else start, end)
            for partition, (_, end) in spans.items()
        }

    def read(
        self, source: Source, spans: Mapping[int, tuple[int, int]], *, holding: Collection[str] = ()
    ) -> Iterator[dict[str, Any] | UnreadableValue]:
        """The values of these spans.

        Args:
            source: the topic.
            spans: first offset and end, by partition.
            holding: read only values that hold one of these texts, which Avro writes as they are.

        Raises:
            SourceError: as ``spans``.
            OperatorError: the registry cannot be reached or refuses.
        """
        needles = [text.encode() for text in holding]
        for message in self._connection.read(source.topic, spans):
            value = message.value() or b""
            if not needles or any(needle in value for needle in needles):
                yield self._decoded(message, value, source.decode)

    def follow(
        self, sources: Mapping[Source, Mapping[int, int]]
    ) -> Iterator[tuple[Source, dict[str, Any] | UnreadableValue]]:
        """The values of several topics from these offsets on, by partition, without end; raises as ``read``."""
        by_topic = {source.topic: source for source in sources}
        for message in self._connection.follow({source.topic: starts for source, starts in sources.items()}):
            source = by_topic[message.topic() or ""]
            yield source, self._decoded(message, message.value() or b"", source.decode)

    def _decoded(self, message: Message, value: bytes, decode: Decode) -> dict[str, Any] | UnreadableValue:
        try:
            return decode(value, self._lookup)
        except WireError as error:
            return UnreadableValue(
                str(message.topic()), int(message.partition() or 0), int(message.offset() or 0), str(error)
            )
