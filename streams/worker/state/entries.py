"""The entries of a RocksDB store, as the worker reads and changes them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    def items(self, *, from_key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The entries in the order of their keys, from the first key at or after ``from_key``."""

    def keys(self, *, from_key: bytes) -> Iterator[bytes]:
        """The keys in order, from the first at or after ``from_key``."""

    def write(self, batch: object, /) -> None:
        """Write all of a ``rocksdict.WriteBatch``, or nothing."""


Change = tuple[bytes, bytes | None]
"""A key and its new value; ``None`` deletes it."""


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


def next_from(store: Store, start: bytes, count: int) -> list[tuple[bytes, bytes]]:
    """Return the next entries at or after ``start``, fewer only at the end of the store; raises as ``stored_from``."""
    found = list(islice(store.items(from_key=start), count))
    if len(found) < count:
        # This may be the end, or damage. Only the other iterator tells them apart.
        behind = found[-1][0] + b"\0" if found else start
        found += islice(stored_from(store, behind), count - len(found))
    return found


def values_from(store: Store, prefix: bytes) -> list[bytes]:
    """Return the values of the keys that begin with a prefix, in their order; raises as ``stored_from``."""
    found: list[bytes] = []
    entries = store.iter()
    entries.seek(prefix)
    while entries.valid():
        if not entries.key().startswith(prefix):
            return found
        found.append(entries.value())
        entries.next()
    entries.status()
    return found


def keys_from(store: Store, prefix: bytes) -> list[bytes]:
    """Return the keys that begin with a prefix, in order; raises as ``stored_from``."""
    found: list[bytes] = []
    for key in store.keys(from_key=prefix):
        if not key.startswith(prefix):
            return found
        found.append(key)
    # Nothing follows, so this may be the end, or damage. Only the other iterator tells them apart.
    found.clear()
    entries = store.iter()
    entries.seek(prefix)
    while entries.valid():
        key = entries.key()
        if not key.startswith(prefix):
            return found
        found.append(key)
        entries.next()
    entries.status()
    return found
