"""The first-seen memory: a Faust table in RocksDB, read and written per partition and batch.

The rules:

* A batch keeps what it learns beside the store until the broker has acknowledged it in the changelog. Only then is it
  written to RocksDB, together with the changelog's offset in one atomic write. So the store is always a prefix of its
  changelog, whenever the process dies: what is not in the changelog is not in the store either (A2).
* The store skips nothing: the acknowledged changes must directly follow the store's offset in the changelog. If they do
  not, another worker wrote between, for example one that was stopped for longer than its session. The next start reads
  its changes.
* Faust's own table operations are not used: they take the partition from the event being iterated, one at a time.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import faust.tables.table
import rocksdict
from faust.types import TP

from streams.errors import OperatorError
from streams.worker.state import entries
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.rocksdb import Store, translate_errors
from streams.worker.state.sessions.partition import SessionPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# RocksDB's memory per partition of the table, in bytes. By default Faust gives each partition a block cache of 2 GiB
# and three write buffers of 64 MiB. docs/decisions.md has the measurement with a million pairs.
STORE_OPTIONS = {
    "driver": "rocksdict",
    "block_cache_size": 8 * 1024 * 1024,
    "write_buffer_size": 4 * 1024 * 1024,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 * 1024 * 1024,
    "bloom_filter_size": 10,
}


class ChangelogError(OperatorError):
    """A changelog holds changes that this worker neither wrote nor read; the message says where, and what to do."""


class ReadableStore(entries.Store, Protocol):
    """An open store of a partition."""

    def path(self) -> str:
        """The directory of its files."""

    def property_int_value(self, name: str, /) -> int | None:
        """The value of one of RocksDB's properties."""


class OpenStore(NamedTuple):
    """A partition's store that is open in this process.

    Attributes:
        partition: the partition.
        is_active: whether the partition is this worker's own; otherwise it is a standby.
        store: the store.
    """

    partition: int
    is_active: bool
    store: ReadableStore


def write_batch(
    changes: Iterable[tuple[bytes, bytes | None]], offset_key: bytes, changelog_offset: int
) -> rocksdict.WriteBatch:
    """Return what writes changes (``None`` deletes) and the changelog's offset in one atomic write."""
    batch = rocksdict.WriteBatch(raw_mode=True)
    for key, value in changes:
        if value is None:
            batch.delete(key)
        else:
            batch.put(key, value)
    batch.put(offset_key, str(changelog_offset).encode())
    return batch


class PartitionView(Protocol):
    """One partition of a table as one batch sees it.

    Attributes:
        number: the partition.
        store: its store.
        offset_key: the key under which Faust keeps the changelog offset that the store has reached.
    """

    number: int
    store: entries.Store
    offset_key: bytes


class StateTable(faust.tables.table.Table):  # type: ignore[misc]
    """A table in RocksDB that is read and written per partition and batch."""

    def store(self, number: int) -> tuple[entries.Store, bytes]:
        """Return the store of one partition, and the key of its changelog offset."""
        store = self.data._db_for_partition(number)  # noqa: SLF001  Faust has no public name for a partition's store
        return store, self.data.offset_key

    def stores(self) -> list[OpenStore]:
        """Return the stores that are open here, by partition."""
        own = self.app.assignor.assigned_actives()
        opened = sorted(self.data._dbs.items())  # noqa: SLF001  see partition
        return [OpenStore(number, TP(self.changelog_topic_name, number) in own, store) for number, store in opened]

    def estimated_entries(self) -> int:
        """RocksDB's estimate of how many entries the partitions held here have."""
        stores = list(self.data._dbs.values())  # noqa: SLF001  see partition
        return sum(store.property_int_value("rocksdb.estimate-num-keys") or 0 for store in stores)

    def apply(
        self, partition: PartitionView, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int]
    ) -> None:
        """Write the changes that the changelog has acknowledged, and the changelog's offset, in one atomic write.

        Args:
            partition: the batch's view of the partition.
            changes: in the order of the changelog.
            offsets: the changelog offset of each change.

        Raises:
            StoreError: the store cannot be written.
            ChangelogError: the changelog holds changes that are missing in this store.
        """
        tp = TP(self.changelog_topic_name, partition.number)
        reached = self.app.tables.recovery.active_offsets[tp]
        if list(offsets) != list(range(reached + 1, reached + 1 + len(offsets))):
            raise ChangelogError(
                f"topic {tp.topic}, partition {tp.partition}: the store was whole up to offset {reached}, but the next "
                f"changes lie at {min(offsets)} to {max(offsets)}: another worker, which had been stopped for a while, "
                "wrote between, or the topic was deleted, recreated or cut. Start again: the store is then compared "
                "with the topic, and restored from it"
            )
        self._write(partition.store, partition.offset_key, changes, offsets[-1])
        self.app.tables.recovery.active_offsets[tp] = offsets[-1]

    def restore(self, number: int, changes: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write changes that were read from a changelog partition, and the changelog's offset, in one atomic write.

        Raises:
            StoreError: the store cannot be written.
        """
        self._restores[number] += 1
        self._write(*self.store(number), changes.items(), changelog_offset)

    def restores(self, number: int) -> int:
        """How often ``restore`` has written to a partition: whatever was read from its store before is out of date."""
        return self._restores[number]

    @cached_property
    def _restores(self) -> Counter[int]:
        return Counter()

    def _write(
        self,
        store: entries.Store,
        offset_key: bytes,
        changes: Iterable[tuple[bytes, bytes | None]],
        changelog_offset: int,
    ) -> None:
        batch = write_batch(changes, offset_key, changelog_offset)
        with translate_errors(self.app.options.state_dir):
            store.write(batch)

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


class MemoryTable(StateTable):
    """The first-seen memory."""

    def partition(self, number: int) -> PartitionMemory:
        """Return a view of one partition for one batch."""
        return PartitionMemory(number, *self.store(number))


class SessionsTable(StateTable):
    """What is remembered of root sessions."""

    def partition(self, number: int) -> SessionPartition:
        """Return a view of one partition for one batch."""
        return SessionPartition(number, *self.store(number))
