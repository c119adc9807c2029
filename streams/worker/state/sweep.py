"""Deletes forgotten pairs and expired cap buckets from the memory, a few entries per sighting (M8, A3).

Reading a whole partition would take seconds. So each sighting examines the next few entries, and the sweep starts again
at the end.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import TYPE_CHECKING

from streams import pipeline
from streams.wire import memory as codec
from streams.worker.state.partition_memory import stored_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.worker.state.partition_memory import PartitionMemory

# Entries examined per sighting. One would keep up with one new pair per sighting; more catch up after a flood.
STEP = 4


class Sweep:
    """Goes round one partition of the table.

    The position is in memory only: after a restart the sweep begins again at the first entry.
    """

    def __init__(self) -> None:
        self._next = b""
        self._newest: int | None = None

    def forget(
        self, partition: PartitionMemory, batch: Sequence[pipeline.Seen], decision_settings: pipeline.DecisionSettings
    ) -> None:
        """Have a batch's memory delete the forgotten ones among the next entries.

        Args:
            partition: the batch's view of the partition, after all of its decisions.
            batch: the sightings of this partition, in order.
            decision_settings: the settings.
        """
        time = pipeline.partition_time(self._newest, batch)
        if time is None:
            return
        self._newest = time.newest
        for key, value in self._examined(partition, STEP * len(batch)):
            if _is_forgotten(key, value, time.now, decision_settings) and not partition.has_written(key):
                partition.forget(key)

    def _examined(self, partition: PartitionMemory, count: int) -> list[tuple[bytes, bytes]]:
        """The next entries. After the end of the store comes its beginning, but no entry comes twice."""
        start = self._next
        examined = list(islice(_entries(partition, start), count))
        if len(examined) < count:
            before = takewhile(lambda entry: entry[0] < start, _entries(partition, b""))
            examined += islice(before, count - len(examined))
        self._next = examined[-1][0] + b"\0" if len(examined) == count else b""
        return examined


def _entries(partition: PartitionMemory, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    return (entry for entry in stored_from(partition.store, start) if entry[0] != partition.offset_key)


def _is_forgotten(key: bytes, value: bytes, now: int, decision_settings: pipeline.DecisionSettings) -> bool:
    parsed = codec.parse_key(key)
    if isinstance(parsed, codec.BucketKey):
        return pipeline.bucket_is_over(parsed.start, now)
    return pipeline.forgotten(codec.decode_pair(value).last_seen, now, decision_settings)
