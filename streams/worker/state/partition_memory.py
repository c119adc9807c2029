"""One partition of the memory as one batch sees it: the content of RocksDB, overlaid with what the batch has learned.

The rules:

* A batch keeps what it has read. So a flood of new pairs of one principal lists that principal's pairs once, not once
  per pair.
* Per principal, a batch sends its cap buckets to the changelog before its pairs: if a pair is remembered, its alert has
  been counted. Exception: when a decision deletes buckets, send everything learned so far, then the deletions, then its
  own pair. So a repeat after a crash finds each bucket as it was the first time, or it finds the pair remembered (A3).
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from streams.wire import memory as codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.memory import CapBucket, PairMemory
    from streams.pipeline import Decision


class Entries(Protocol):
    """RocksDB's iterator."""

    def seek(self, key: bytes, /) -> None:
        """Go to the first entry at or after ``key``."""

    def valid(self) -> bool:
        """Whether there is an entry at this position."""

    def key(self) -> bytes:
        """The entry's key."""

    def value(self) -> bytes:
        """The entry's value."""

    def next(self) -> None:
        """Go to the next entry."""

    def status(self) -> None:
        """Raise an error if damage ended the iteration."""


class Store(Protocol):
    """What the worker uses of a RocksDB store, opened in raw mode."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value of a key."""

    def iter(self) -> Entries:
        """An iterator over all entries, in the order of their keys."""

    def write(self, batch: object, /) -> None:
        """Write all of a ``rocksdict.WriteBatch``, or nothing."""


class PartitionMemory:
    """One partition as one batch sees it: the store, overlaid with what the batch has learned."""

    def __init__(self, number: int, store: Store, offset_key: bytes) -> None:
        self.number = number
        self.store = store
        # Faust's key for the changelog offset that the store has reached.
        self.offset_key = offset_key
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
        """How many entries ``forget`` deletes."""
        return len(self._forgotten)

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The changes of the batch, in the order of the changelog; ``None`` deletes. A key may occur twice."""
        return [
            *(change for principal in self._principals.values() for change in principal.changes()),
            *((key, None) for key in self._forgotten),
        ]

    def has_written(self, key: bytes) -> bool:
        """Whether the batch writes or deletes this entry."""
        parsed = codec.parse_key(key)
        principal = self._principals.get(parsed.principal)
        return principal is not None and principal.has_written(parsed)


class StoredPrincipal:
    """A principal's memory in the store, overlaid with what the batch has learned; implements ``PrincipalMemory``."""

    def __init__(self, store: Store, principal: str) -> None:
        self._store = store
        self._principal = principal
        self._pairs: dict[str, PairMemory | None] = {}
        self._buckets: dict[int, CapBucket | None] = {}
        self._changed_pairs: dict[str, None] = {}  # in the order of their first decisions
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
                # After the prefix comes `"222222222222"]`. It is cut, not parsed, because a flood lists thousands.
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
        """Keep what a decision keeps. Every handled sighting rewrites its pair, even if the pair is known (A2)."""
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
        """Whether the batch writes or deletes this entry of the principal."""
        return key in self._written

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The batch's changes of this principal, in the order of the changelog; ``None`` deletes."""
        buckets = ((start, self._buckets[start]) for start in self._changed_buckets)
        pairs = ((account, self._pairs[account]) for account in self._changed_pairs)
        return [
            *self._settled,
            *((codec.bucket_key(self._principal, start), codec.encode_bucket(kept)) for start, kept in buckets if kept),
            *((codec.pair_key(self._principal, account), codec.encode_pair(kept)) for account, kept in pairs if kept),
        ]

    def _entries(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return takewhile(lambda entry: entry[0].startswith(prefix), stored_from(self._store, prefix))


def stored_from(store: Store, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a RocksDB store in the order of their keys, from the first key at or after ``start``.

    Raises:
        Exception: the store is damaged. RocksDB's own iterator would end there as if there were no more entries.
    """
    entries = store.iter()
    entries.seek(start)
    while entries.valid():
        yield entries.key(), entries.value()
        entries.next()
    entries.status()
