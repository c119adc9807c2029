"""Records that a worker skips at the operator's request: ``worker --skip TOPIC:PARTITION:OFFSET``.

This is for a record that stops or kills every worker that reads it. The record is recognised by topic, partition and
offset alone, before anything reads its value. It becomes a dead letter with reason ``skipped``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import ConsumerGroupTopicPartitions, TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.errors import OperatorError
from streams.kafka.admin import BrokerAccess
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from streams.settings import Settings

log = structlog.get_logger(__name__)

_RECORD = re.compile(r"([A-Za-z0-9._-]+):(\d{1,10}):(\d{1,19})", re.ASCII)


class SkipError(OperatorError):
    """``--skip`` has a wrong value; the message says what is allowed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Skips:
    """The records to be skipped, as offsets by topic and partition."""

    offsets: Mapping[tuple[str, int], frozenset[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is to be skipped."""
        return bool(self.offsets)

    def of(self, topic: str, partition: int) -> Collection[int]:
        """The offsets to be skipped in this partition."""
        return self.offsets.get((topic, partition), ())

    def has(self, topic: str, partition: int, offset: int) -> bool:
        """Whether this record is to be skipped."""
        return offset in self.of(topic, partition)

    def records(self) -> Iterator[tuple[str, int, int]]:
        """Topic, partition and offset of each, in order."""
        for (topic, partition), offsets in sorted(self.offsets.items()):
            yield from ((topic, partition, offset) for offset in sorted(offsets))


NO_SKIPS = Skips()


def parse_skips(texts: Iterable[str], settings: Settings) -> Skips:
    """Read the option's values; each is one record, or several separated by commas.

    Raises:
        SkipError: a value is not a record, or names a topic that a worker does not read.
    """
    read = (*settings.source_topics, topic_names(settings).sightings)
    offsets: dict[tuple[str, int], set[int]] = {}
    for record in (part.strip() for text in texts for part in text.split(",")):
        match = _RECORD.fullmatch(record)
        if match is None:
            raise SkipError(
                f"--skip {record}: not a record; write TOPIC:PARTITION:OFFSET, such as {read[0]}:0:1234, "
                "as `in_hand` in the log's worker.failed"
            )
        topic, partition, offset = match[1], int(match[2]), int(match[3])
        if topic not in read:
            raise SkipError(f"--skip {record}: a worker does not read topic {topic}; it reads {', '.join(read)}")
        offsets.setdefault((topic, partition), set()).add(offset)
    return Skips({where: frozenset(numbers) for where, numbers in offsets.items()})


def check_skips(settings: Settings, skips: Skips) -> None:
    """Check that the records to be skipped exist; warn of each that the group will not read again.

    Raises:
        SkipError: a partition or an offset does not exist.
        BrokerUnreachable: no broker answers.
        AccessRefused: the broker refuses the credentials or a right.
    """
    with BrokerAccess(settings) as access:
        for topic in sorted({topic for topic, _ in skips.offsets}):
            _check_partitions(access, topic, skips)
        oldest = _offsets(access, skips, OffsetSpec.earliest())
        ends = _offsets(access, skips, OffsetSpec.latest())
        committed = _committed(access, settings.group_id, skips)
    for topic, partition, offset in skips.records():
        where = (topic, partition)
        end, following = ends[where], max(oldest[where], committed.get(where, 0))
        if offset >= end:
            raise SkipError(
                f"--skip {topic}:{partition}:{offset}: there is no such record yet, the partition ends at {end}"
            )
        if offset < following:
            log.warning(
                "skip.past",
                record=f"{topic}:{partition}:{offset}",
                next=following,
                consequence="it was handled, skipped or deleted before, and nothing is skipped now; remove this --skip",
            )


def _check_partitions(access: BrokerAccess, topic: str, skips: Skips) -> None:
    (described,) = access.client.describe_topics(TopicCollection([topic])).values()
    there = {partition.id for partition in access.result(f"topic {topic}", "Describe", described).partitions}
    for name, partition, offset in skips.records():
        if name == topic and partition not in there:
            raise SkipError(
                f"--skip {topic}:{partition}:{offset}: the topic has no partition {partition}; "
                f"it has {min(there)} to {max(there)}"
            )


def _offsets(access: BrokerAccess, skips: Skips, which: OffsetSpec) -> dict[tuple[str, int], int]:
    """The earliest or the latest offset of these partitions."""
    asked = {TopicPartition(topic, partition): which for topic, partition in skips.offsets}
    answers = access.client.list_offsets(asked)
    return {
        (record.topic, record.partition): access.result(f"topic {record.topic}", "ListOffsets", answer).offset
        for record, answer in answers.items()
    }


def _committed(access: BrokerAccess, group: str, skips: Skips) -> dict[tuple[str, int], int]:
    """The offsets that the group has committed in these partitions, where it has committed any."""
    records = [TopicPartition(topic, partition) for topic, partition in skips.offsets]
    (answer,) = access.client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, records)]).values()
    found = access.result(f"group {group}", "OffsetFetch", answer).topic_partitions
    return {(record.topic, record.partition): record.offset for record in found if record.offset >= 0}
