"""A partition of the worker's memory without Kafka and RocksDB: batches decided, and stored as far as a test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sightings import RULE

from streams.pipeline import Deciding, Decision, detect
from streams.worker.memory_table import PartitionMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.detection.sighting import Sighting


@dataclass
class Store:
    """What the worker uses of a RocksDB store, over a dict."""

    entries: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The key's value."""
        return self.entries.get(key)

    def iter(self) -> Cursor:
        """An iterator over the entries as they are now."""
        return Cursor(sorted(self.entries.items()))


@dataclass
class Cursor:
    """RocksDB's iterator: it sees the entries that there were when it was made."""

    left: Sequence[tuple[bytes, bytes]]

    def seek(self, start: bytes) -> None:
        """Go to the first key that is not before ``start``."""
        self.left = [entry for entry in self.left if entry[0] >= start]

    def valid(self) -> bool:
        """Whether it stands at an entry."""
        return bool(self.left)

    def key(self) -> bytes:
        """The key it stands at."""
        return self.left[0][0]

    def value(self) -> bytes:
        """The value it stands at."""
        return self.left[0][1]

    def next(self) -> None:
        """Go to the next entry."""
        self.left = self.left[1:]

    def status(self) -> None:
        """Raise if it ended at damage; there is none here."""


class Partition:
    """Handles batches as the detect agent does.

    Attributes:
        store: what is remembered.
        sent: the id and the topic of each alert, in order.
    """

    def __init__(self, deciding: Deciding) -> None:
        self._deciding = deciding
        self.store = Store()
        self.sent: list[tuple[str, str]] = []

    def decide(self, batch: PartitionMemory, sighting: Sighting) -> Decision:
        """Decide one sighting of a batch."""
        principal: Any = batch.principal(sighting.principal)
        decision = detect(sighting, principal, RULE, self._deciding)
        principal.remember(sighting.member_account, decision)
        return decision

    def handle(self, sightings: Sequence[Sighting], stored: Callable[[int], int] = lambda changes: changes) -> None:
        """Decide a batch, send its alerts, and store as many of its changes as ``stored`` says: all, if not killed."""
        batch = PartitionMemory("changelog", 0, self.store, b"offset")
        self.sent += [(d.alert_id, d.outcome) for d in self._decisions(batch, sightings) if d.alert_id is not None]
        changes = batch.changes()
        for key, value in changes[: stored(len(changes))]:
            if value is None:
                self.store.entries.pop(key, None)
            else:
                self.store.entries[key] = value

    def _decisions(self, batch: PartitionMemory, sightings: Sequence[Sighting]) -> Iterator[Decision]:
        return (self.decide(batch, sighting) for sighting in sightings)
