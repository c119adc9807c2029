"""By which time the memory's entries are found too old to keep (M8): never by the wall clock.

A partition's time is that of its events: the newest so far. But one sighting from the future must not empty the memory,
so each sighting's own Kafka time bounds how far it may move that time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Seen(NamedTuple):
    """When a sighting happened, by the clock (M4), and its Kafka time; milliseconds since the epoch.

    ``kafka_time`` is ``None`` where the message has none: its event time then counts alone.
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
    """Return a partition's time after a batch, of its sightings in order; ``None`` if there is no sighting.

    Args:
        newest: the latest event time before the batch; ``None`` if there was none.
        batch: its sightings; ``now`` is the largest, over these, of the smaller of newest so far and Kafka time.
    """
    now: int | None = None
    for seen in batch:
        newest = seen.time if newest is None else max(newest, seen.time)
        bounded = newest if seen.kafka_time is None else min(newest, seen.kafka_time)
        now = bounded if now is None else max(now, bounded)
    return None if newest is None or now is None else PartitionTime(newest, now)
