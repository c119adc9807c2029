"""The first-seen memory: a Faust table in RocksDB, read and written a partition and a batch at a time.

The rules:

* What a batch learns is kept beside the store until the broker has acknowledged it in the changelog; only then is it
  written to RocksDB, together with the changelog's offset in one atomic write. So the store is always a prefix of its
  changelog, whenever the process dies: what is not in the changelog is not in the store either (A2).
* Nor does the store pass over anything: what is acknowledged must lie right behind what it holds. Otherwise another
  wrote between, such as a worker that stood still for longer than its session; the next start reads it.
* Of each principal, a batch's cap buckets go to the changelog before its pairs: a pair that is remembered has its alert
  counted. A decision that drops buckets ends that: what was learned before it goes first, then what it drops, then its
  own pair. So a repeat after a kill finds each bucket as it was found the first time, or the pair remembered (A3).
* Faust's own table operations are not used: they take the partition from the event being iterated, one at a time.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

import faust.tables.table
import rocksdict
from faust.types import TP

from streams.errors import OperatorError
from streams.wire import memory as codec
from streams.worker.agents.sender import Outgoing
from streams.worker.state.rocksdb import Store, translate_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streams.detection.memory import CapBucket, PairMemory
    from streams.pipeline import Decision

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


class MemoryTable(faust.tables.table.Table):  # type: ignore[misc]
    """The table; ``partition`` is the only way in."""

    def partition(self, number: int) -> PartitionMemory:
        """Return a view of one partition for one batch."""
        store = self.data._db_for_partition(number)  # noqa: SLF001  the store has no public way to a partition
        return PartitionMemory(self.changelog_topic_name, number, store, self.data.offset_key)

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


class PartitionMemory:
    """One partition as one batch sees it: the store, and over it what the batch has learned."""

    def __init__(self, changelog: str, number: int, store: Any, offset_key: bytes) -> None:
        self.number = number
        self.store = store
        # Under this key Faust looks for the changelog offset that the store has reached.
        self.offset_key = offset_key
        self._changelog = changelog
        self._principals: dict[str, StoredPrincipal] = {}
        self._forgotten: list[bytes] = []

    def principal(self, principal: str) -> StoredPrincipal:
        """Return what is remembered of one principal."""
        if principal not in self._principals:
            self._principals[principal] = StoredPrincipal(self.store, principal)
        return self._principals[principal]

    def forget(self, key: bytes) -> None:
        """Delete one entry that the batch has not touched."""
        self._forgotten.append(key)

    @property
    def forgotten(self) -> int:
        """How many entries ``forget`` was told of."""
        return len(self._forgotten)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What the batch has changed, in the order of the changelog; ``None`` deletes. A key may come twice."""
        return [
            *(change for principal in self._principals.values() for change in principal.changes()),
            *((key, None) for key in self._forgotten),
        ]

    def has_written(self, key: bytes) -> bool:
        """Whether the batch has written this entry, or has said to delete it."""
        parsed = codec.parse_key(key)
        principal = self._principals.get(parsed.principal)
        return principal is not None and principal.has_written(parsed)

    def changelog(self, changes: list[tuple[bytes, bytes | None]]) -> list[Outgoing]:
        """The changes as records for the changelog topic."""
        return [Outgoing(self._changelog, key, value, partition=self.number) for key, value in changes]


class StoredPrincipal:
    """A principal's memory in the store, and over it what the batch has learned; implements ``PrincipalMemory``.

    What was read stays here for the batch: a flood of one principal's new pairs lists its pairs once, not once a pair.
    """

    def __init__(self, store: Any, principal: str) -> None:
        self._store = store
        self._principal = principal
        self._pairs: dict[str, PairMemory | None] = {}
        self._buckets: dict[int, CapBucket | None] = {}
        self._changed_pairs: dict[str, None] = {}  # in the order in which they were first decided
        self._changed_buckets: set[int] = set()
        self._settled: list[tuple[bytes, bytes | None]] = []
        self._written: set[codec.PairKey | codec.BucketKey] = set()
        self._all_pairs = self._all_buckets = False

    def pair(self, member_account: str) -> PairMemory | None:
        """See ``PrincipalMemory``."""
        if member_account not in self._pairs and not self._all_pairs:
            value = self._store.get(codec.pair_key(self._principal, member_account))
            self._pairs[member_account] = None if value is None else codec.decode_pair(value)
        return self._pairs.get(member_account)

    def pairs(self) -> Iterator[tuple[str, PairMemory]]:
        """See ``PrincipalMemory``."""
        if not self._all_pairs:
            prefix = codec.pair_prefix(self._principal)
            for key, value in self._entries(prefix):
                # What follows the prefix is `"222222222222"]`: cut, not parsed, as a flood lists thousands.
                account = key[len(prefix) + 1 : -2].decode()
                if account not in self._pairs:
                    self._pairs[account] = codec.decode_pair(value)
            self._all_pairs = True
        return ((account, pair) for account, pair in self._pairs.items() if pair is not None)

    def bucket(self, start: int) -> CapBucket | None:
        """See ``PrincipalMemory``."""
        if start not in self._buckets and not self._all_buckets:
            value = self._store.get(codec.bucket_key(self._principal, start))
            self._buckets[start] = None if value is None else codec.decode_bucket(value)
        return self._buckets.get(start)

    def bucket_starts(self) -> Iterator[int]:
        """See ``PrincipalMemory``."""
        if not self._all_buckets:
            for key, value in self._entries(codec.bucket_prefix(self._principal)):
                parsed = codec.parse_key(key)
                if isinstance(parsed, codec.BucketKey) and parsed.start not in self._buckets:
                    self._buckets[parsed.start] = codec.decode_bucket(value)
            self._all_buckets = True
        return (start for start, bucket in self._buckets.items() if bucket is not None)

    def remember(self, member_account: str, decision: Decision) -> None:
        """Keep what a decision says to keep. Every handled sighting rewrites its pair, known or not (A2)."""
        if decision.bucket is not None:
            self._written.add(codec.BucketKey(self._principal, decision.bucket.start))
            self._buckets[decision.bucket.start] = decision.bucket
            self._changed_buckets.add(decision.bucket.start)
        if decision.dropped_buckets:
            self._settled = self.changes()
            self._changed_buckets, self._changed_pairs = set(), {}
            for start in decision.dropped_buckets:
                self._written.add(codec.BucketKey(self._principal, start))
                self._buckets[start] = None
                self._settled.append((codec.bucket_key(self._principal, start), None))
        if decision.pair is not None:
            self._written.add(codec.PairKey(self._principal, member_account))
            self._pairs[member_account] = decision.pair
            self._changed_pairs[member_account] = None

    def has_written(self, key: codec.PairKey | codec.BucketKey) -> bool:
        """Whether the batch has written this entry of the principal, or has said to delete it."""
        return key in self._written

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What the batch has changed of this principal, in the order of the changelog; ``None`` deletes."""
        buckets = ((start, self._buckets[start]) for start in self._changed_buckets)
        pairs = ((account, self._pairs[account]) for account in self._changed_pairs)
        return [
            *self._settled,
            *((codec.bucket_key(self._principal, start), codec.encode_bucket(kept)) for start, kept in buckets if kept),
            *((codec.pair_key(self._principal, account), codec.encode_pair(kept)) for account, kept in pairs if kept),
        ]

    def _entries(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return takewhile(lambda entry: entry[0].startswith(prefix), stored_from(self._store, prefix))


def stored_from(store: Any, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a RocksDB store in the order of their keys, from the first key that is not before ``start``.

    Raises:
        Exception: the store is damaged; RocksDB's iterator itself would end there as if there was no more.
    """
    entries = store.iter()
    entries.seek(start)
    while entries.valid():
        yield entries.key(), entries.value()
        entries.next()
    entries.status()
