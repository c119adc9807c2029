"""The time from which the age of the memory's entries is measured (M8): never the wall clock.

A partition's time is the newest time of its events. But one sighting from the future must not empty the memory, so a
sighting cannot move the partition's time beyond its own Kafka time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Seen(NamedTuple):
    """A sighting's time by the clock (M4), and its Kafka time; milliseconds since the epoch.

    ``kafka_time`` is ``None`` if the message has none: then ``time`` alone counts.
    """

    time: int
    kafka_time: int | None


class PartitionTime(NamedTuple):
    """A partition's time after a batch; milliseconds since the epoch.

    Attributes:
        newest: the latest event time so far.
        now: the time from which age is measured.
    """

    newest: int
    now: int


def partition_time(newest: int | None, batch: Iterable[Seen]) -> PartitionTime | None:
    """Return a partition's time after a batch; ``None`` if the batch has no sighting.

    For each sighting, the smaller one of the newest time so far and its Kafka time is taken. ``now`` is the largest of
    these times.

    Args:
        newest: the latest event time before the batch; ``None`` if there was none.
        batch: its sightings, in order.
    """
    now: int | None = None
    for seen in batch:
        newest = seen.time if newest is None else max(newest, seen.time)
        bounded = newest if seen.kafka_time is None else min(newest, seen.kafka_time)
        now = bounded if now is None else max(now, bounded)
    return None if newest is None or now is None else PartitionTime(newest, now)
