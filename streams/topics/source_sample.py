"""Samples the newest messages of a source topic: a worker that cannot read its topic is blind, but looks healthy.

Rules:
- ``pipeline.sight`` decides whether a message can be read, as in a worker.
- The sample is limited, in messages per partition, and in bytes and seconds per topic.
- If a message cannot be read, only its position and kind are shown, none of its values.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from streams import pipeline
from streams.content.payload_kind import describe
from streams.content.redaction.redact import redact_text
from streams.kafka.readers.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import Message

    from streams.pipeline import SightResult
    from streams.rules.rule_set import RuleSet
    from streams.settings import Settings

SAMPLE_MESSAGES = 200
"""The number of newest messages that are read of each partition."""

SAMPLE_BYTES = 64 * 1024 * 1024
SAMPLE_SECONDS = 20.0
_KINDS_SHOWN = 5


@dataclass(slots=True)
class Sample:
    """The sampled messages of one topic, counted by what they are.

    Attributes:
        topic: the topic.
        is_complete: false if the limit of time or bytes came before every partition's newest messages were read.
        messages: how many were read.
        shapes: how many hold CloudTrail records, by the shape of the first.
        without_record: how many are known to hold no record (a tombstone, a digest), by what they are.
        unread: how many cannot be read, by what they look like.
        first_unread: the first of these, as ``topic:partition:offset``.
        partly: how many hold records, and also elements that cannot be read.
        losses: how many records were restored from another schema, by what it does not tell of them (R10).
    """

    topic: str
    is_complete: bool = True
    messages: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    without_record: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    first_unread: dict[str, str] = field(default_factory=dict)
    partly: int = 0
    losses: Counter[str] = field(default_factory=Counter)

    def add(self, position: str, value: bytes | None, result: SightResult) -> None:
        """Count one message with its result of ``pipeline.sight``; ``position`` is ``topic:partition:offset``."""
        self.messages += 1
        self.losses.update(result.losses)
        if result.records:
            self.shapes[next(iter(result.records))] += 1
            self.partly += any(rejected.reason != "incomplete" for rejected in result.rejected)
        elif result.rejected:
            kind = _kind(value or b"", result)
            self.unread[kind] += 1
            self.first_unread.setdefault(kind, position)
        else:
            self.without_record[next(iter(result.passed_over), "nothing in it")] += 1

    @property
    def cloudtrail(self) -> int:
        """How many messages hold CloudTrail records."""
        return self.shapes.total()

    def __str__(self) -> str:
        """The findings in one sentence."""
        if not self.messages:
            return f"{self.topic}: {'is empty' if self.is_complete else f'nothing read within {SAMPLE_SECONDS:.0f} s'}"
        by_shape = f" ({_listed(self.shapes)})" if self.shapes else ""
        parts = [f"{self.cloudtrail} of {self.messages} sampled messages are CloudTrail{by_shape}"]
        if self.unread:
            parts.append(f"{self.unread.total()} cannot be read: {'; '.join(self._unread())}")
        if self.partly:
            parts.append(f"{self.partly} of those with records also hold what cannot be read")
        parts += [
            f"{_records(count)} {redact_text(loss)} (R10)" for loss, count in self.losses.most_common(_KINDS_SHOWN)
        ]
        if self.without_record:
            parts.append(f"{self.without_record.total()} hold no record ({_listed(self.without_record)})")
        if not self.is_complete:
            parts.append(f"sampling stopped after {SAMPLE_SECONDS:.0f} s or {SAMPLE_BYTES >> 20} MiB")
        return f"{self.topic}: {'; '.join(parts)}"

    def _unread(self) -> Iterator[str]:
        for kind, count in self.unread.most_common(_KINDS_SHOWN):
            yield f"{count} x {kind}, first at {self.first_unread[kind]}"
        if len(self.unread) > _KINDS_SHOWN:
            yield f"and {len(self.unread) - _KINDS_SHOWN} kinds more"


def sample(
    topic: str,
    settings: Settings,
    rules: RuleSet,
    observe: Callable[[bytes | None, int | None], None] | None = None,
) -> Sample:
    """Read the newest messages of each partition of a topic.

    Args:
        topic: the topic.
        settings: how to reach the cluster, and how to read a message.
        rules: the rules of the workers.
        observe: is given the value and the Kafka timestamp (milliseconds, ``None`` without one) of each message that is
            read; ``None`` if nobody else looks at them.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no such topic.
    """
    extract_settings = settings.extract_settings()
    found = Sample(topic)
    until = time.monotonic() + SAMPLE_SECONDS
    size = 0
    with Connection(settings) as connection:
        for message in _newest(connection, topic, until):
            value = message.value()
            position = f"{topic}:{message.partition()}:{message.offset()}"
            if observe is not None:
                kind, timestamp = message.timestamp()
                observe(value, timestamp if kind != TIMESTAMP_NOT_AVAILABLE else None)
            found.add(position, value, pipeline.sight(value, rules, extract_settings))
            size += len(value or b"")
            if size > SAMPLE_BYTES or time.monotonic() > until:
                found.is_complete = False
                break
    found.is_complete = found.is_complete and time.monotonic() <= until
    return found


def _newest(connection: Connection, topic: str, until: float) -> Iterator[Message]:
    """The newest messages of each partition, up to its end at the start, as long as there is time."""
    bounds = {partition: connection.watermarks(topic, partition) for partition in connection.require_partitions(topic)}
    spans = {partition: (max(oldest, end - SAMPLE_MESSAGES), end) for partition, (oldest, end) in bounds.items()}
    return connection.read(topic, spans, until)


def _kind(value: bytes, result: SightResult) -> str:
    rejected = result.rejected[0]
    if rejected.reason == "too-large":
        return "too large: above max_message_size"
    return f"{rejected.reason} ({describe(value)})"


def _records(count: int) -> str:
    return "1 record was" if count == 1 else f"{count} records were"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
