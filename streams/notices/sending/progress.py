"""How far each service has come in each partition, and what may be committed.

The group's offset of a partition is the first record that some service has not been told of. The services that are
ahead of it are in the offset's metadata, so that a restart tells nobody twice for another service's sake.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from streams.kafka.readers.group import Position

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streams.kafka.readers.group import Place

_LONGEST_METADATA = 4_000  # of the 4,096 bytes that a broker takes by default


class Progress:
    """The next offset per partition and service. Several threads may use it.

    Args:
        services: the ids of the services (``Address.id``).
    """

    def __init__(self, services: Collection[str]) -> None:
        self._services = tuple(services)
        self._next: dict[Place, dict[str, int]] = {}
        self._turns: dict[Place, int] = {}
        self._committed: dict[Place, Position] = {}
        self._turn = 0
        self._lock = threading.Lock()

    def assign(self, starts: Mapping[Place, Position]) -> None:
        """Take over partitions, from what the group has committed of them."""
        with self._lock:
            self._turn += 1
            for place, position in starts.items():
                ahead = _ahead(position.metadata)
                self._next[place] = {name: position.offset + ahead.get(name, 0) for name in self._services}
                self._turns[place] = self._turn
                self._committed[place] = position

    def revoke(self, places: Collection[Place]) -> None:
        """Give partitions up: nothing more of them is sent or committed here."""
        with self._lock:
            for place in places:
                for table in (self._next, self._turns, self._committed):
                    table.pop(place, None)

    def turn(self, place: Place) -> int | None:
        """A number for this time that the partition is assigned; ``None`` if it is not."""
        with self._lock:
            return self._turns.get(place)

    def is_due(self, place: Place, turn: int | None, service: str, offset: int) -> bool:
        """Whether a record that was read in a turn is still to be handled for a service."""
        with self._lock:
            return turn is not None and self._turns.get(place) == turn and offset >= self._next[place][service]

    def done(self, place: Place, turn: int | None, service: str, offset: int) -> None:
        """Note that a service is done with a record; without effect if the partition was given up meanwhile."""
        with self._lock:
            if turn is not None and self._turns.get(place) == turn:
                self._next[place][service] = max(self._next[place][service], offset + 1)

    def news(self, places: Collection[Place] | None = None) -> dict[Place, Position]:
        """What is to be committed: the partitions, of these or of all, whose position has changed."""
        with self._lock:
            found = {}
            for place, offsets in self._next.items():
                position = _position(offsets)
                if (places is None or place in places) and position != self._committed[place]:
                    found[place] = position
            return found

    def committed(self, positions: Mapping[Place, Position]) -> None:
        """Note that the broker has taken these positions."""
        with self._lock:
            self._committed |= {place: position for place, position in positions.items() if place in self._next}


def _position(offsets: Mapping[str, int]) -> Position:
    offset = min(offsets.values())
    ahead = {name: position - offset for name, position in offsets.items() if position > offset}
    metadata = json.dumps({"ahead": ahead}, separators=(",", ":")) if ahead else ""
    return Position(offset, metadata if len(metadata) <= _LONGEST_METADATA else "")


def _ahead(metadata: str) -> dict[str, int]:
    """How far services were ahead; none for metadata that somebody else wrote."""
    try:
        ahead = json.loads(metadata)["ahead"]
        return {str(name): count for name, count in ahead.items() if isinstance(count, int) and count > 0}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
