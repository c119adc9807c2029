"""One partition of the memory as one batch sees it: what RocksDB holds, and over it what the batch has learned.

The rules:

* What was read stays here for the batch: a flood of one principal's new pairs lists its pairs once, not once a pair.
* Of each principal, a batch's cap buckets go to the changelog before its pairs: a pair that is remembered has its alert
  counted. Exception: when a decision deletes buckets, everything that was learned before goes first, then the
  deletions, then its own pair. So a repeat after a kill finds each bucket as it was found the first time, or the pair
  remembered (A3).
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
        """Go to the first entry that is not before ``key``."""

    def valid(self) -> bool:
        """Whether there is an entry here."""

    def key(self) -> bytes:
        """The entry's key."""

    def value(self) -> bytes:
        """The entry's value."""

    def next(self) -> None:
        """Go to the next entry."""

    def status(self) -> None:
        """Raise what ended the iteration, if it was damage."""


class Store(Protocol):
    """What is used of a RocksDB store, opened in raw mode."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value of a key."""

    def iter(self) -> Entries:
        """An iterator over all entries, in the order of their keys."""

    def write(self, batch: object, /) -> None:
        """Write a ``rocksdict.WriteBatch``, all of it or nothing."""


class PartitionMemory:
    """One partition as one batch sees it: the store, and over it what the batch has learned."""

    def __init__(self, number: int, store: Store, offset_key: bytes) -> None:
        self.number = number
        self.store = store
        # Under this key Faust looks for the changelog offset that the store has reached.
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


class StoredPrincipal:
    """A principal's memory in the store, and over it what the batch has learned; implements ``PrincipalMemory``.

    What was read stays here for the batch: a flood of one principal's new pairs lists its pairs once, not once a pair.
    """

    def __init__(self, store: Store, principal: str) -> None:
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


def stored_from(store: Store, start: bytes) -> Iterator[tuple[bytes, bytes]]:
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
