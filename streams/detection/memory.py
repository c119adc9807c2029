"""The memory of a pair, and of a principal's recent alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class PairMemory:
    """The memory of one (principal, member account) pair. Times are milliseconds since the epoch, UTC.

    Attributes:
        first_seen: the earliest sighting; a late sighting may lower it (M3).
        last_seen: the latest sighting; it never moves backwards (M2).
        times_seen: how many sightings were later than last seen when they came, including the first.
    """

    first_seen: int
    last_seen: int
    times_seen: int


@dataclass(frozen=True, slots=True)
class CapBucket:
    """The alerts let through for one principal in five minutes of event time (A3).

    Attributes:
        start: the start of the five minutes, in milliseconds since the epoch, a multiple of 300,000.
        alert_ids: the ids of these alerts, in order.
    """

    start: int
    alert_ids: tuple[str, ...]


class PrincipalMemory(Protocol):
    """The memory of one principal. The worker reads it from RocksDB on demand; a backtest holds it in dicts."""

    def pair(self, member_account: str) -> PairMemory | None:
        """Return the pair with this member account; ``None`` if it is not remembered."""

    def pairs(self) -> Iterator[tuple[str, PairMemory]]:
        """Give every remembered (member account, pair) of the principal, in any order."""

    def bucket(self, start: int) -> CapBucket | None:
        """Return the cap's bucket that starts at ``start``; ``None`` if there is none."""

    def bucket_starts(self) -> Iterator[int]:
        """Give the starts of all the principal's buckets, in any order."""
