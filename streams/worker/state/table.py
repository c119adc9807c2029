"""The first-seen memory: a Faust table in RocksDB, read and written a partition and a batch at a time.

The rules:

* What a batch learns is kept beside the store until the broker has acknowledged it in the changelog; only then is it
  written to RocksDB, together with the changelog's offset in one atomic write. So the store is always a prefix of its
  changelog, whenever the process dies: what is not in the changelog is not in the store either (A2).
* Nor does the store pass over anything: what is acknowledged must lie right behind what it holds. Otherwise another
  wrote between, such as a worker that stood still for longer than its session; the next start reads it.
* Faust's own table operations are not used: they take the partition from the event being iterated, one at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import faust.tables.table
import rocksdict
from faust.types import TP

from streams.errors import OperatorError
from streams.worker.state import partition_memory
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.rocksdb import Store, translate_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# RocksDB's memory for each partition of the table, in bytes: Faust's defaults are a 2 GiB block cache and three write
# buffers of 64 MiB for each. docs/decisions.md has the measurement with a million pairs.
STORE_OPTIONS = {
    "driver": "rocksdict",
    "block_cache_size": 8 * 1024 * 1024,
    "write_buffer_size": 4 * 1024 * 1024,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 * 1024 * 1024,
    "bloom_filter_size": 10,
}


class ChangelogError(OperatorError):
    """A changelog holds what this worker has neither written nor read; the message says where, and what to do."""


class ReadableStore(partition_memory.Store, Protocol):
    """An open store of a partition."""

    def path(self) -> str:
        """The directory of its files."""

    def property_int_value(self, name: str, /) -> int | None:
        """One of RocksDB's own numbers."""


class OpenStore(NamedTuple):
    """A partition's store that is open in this process.

    Attributes:
        partition: the partition.
        is_active: whether the partition is this worker's own; else it is a standby.
        store: the store.
    """

    partition: int
    is_active: bool
    store: ReadableStore


class MemoryTable(faust.tables.table.Table):  # type: ignore[misc]
    """The table; ``partition`` is the only way in."""

    def partition(self, number: int) -> PartitionMemory:
        """Return a view of one partition for one batch."""
        store = self.data._db_for_partition(number)  # noqa: SLF001  the store has no public way to a partition
        return PartitionMemory(number, store, self.data.offset_key)

    def stores(self) -> list[OpenStore]:
        """Return the stores that are open here, by partition."""
        own = self.app.assignor.assigned_actives()
        opened = sorted(self.data._dbs.items())  # noqa: SLF001  see partition
        return [OpenStore(number, TP(self.changelog_topic_name, number) in own, store) for number, store in opened]

    def estimated_entries(self) -> int:
        """About how many entries the partitions held here have, by RocksDB's own estimate."""
        stores = list(self.data._dbs.values())  # noqa: SLF001  see partition
        return sum(store.property_int_value("rocksdb.estimate-num-keys") or 0 for store in stores)

    def apply(
        self, partition: PartitionMemory, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int]
    ) -> None:
        """Write what the changelog has acknowledged, and how far it goes, in one atomic write.

        Args:
            partition: the batch's.
            changes: in the order of the changelog.
            offsets: where in the changelog each of them is.

        Raises:
            StoreError: the disk does not take it.
            ChangelogError: something lies in the changelog that this store lacks.
        """
        tp = TP(self.changelog_topic_name, partition.number)
        reached = self.app.tables.recovery.active_offsets[tp]
        if list(offsets) != list(range(reached + 1, reached + 1 + len(offsets))):
            raise ChangelogError(
                f"topic {tp.topic}, partition {tp.partition}: the store was whole up to offset {reached}, and what was "
                f"sent then came to lie at {min(offsets)} to {max(offsets)}: another worker, which had stood still, "
                "wrote between, or the topic was deleted, recreated or cut. Start again: the store is then "
                "compared with the topic, and restored from it"
            )
        self._write(partition, changes, offsets[-1])
        self.app.tables.recovery.active_offsets[tp] = offsets[-1]

    def restore(self, number: int, changes: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write what was read from a partition of the changelog, and how far it goes, in one atomic write.

        Raises:
            StoreError: the disk does not take it.
        """
        self._write(self.partition(number), changes.items(), changelog_offset)

    def _write(
        self, partition: PartitionMemory, changes: Iterable[tuple[bytes, bytes | None]], changelog_offset: int
    ) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(partition.offset_key, str(changelog_offset).encode())
        with translate_errors(self.app.options.state_dir):
            partition.store.write(batch)

    def _new_store_by_url(self, url: Any) -> Store:
        return Store(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            value_type=bytes,
            loop=self.loop,
            options=self.options,
        )
