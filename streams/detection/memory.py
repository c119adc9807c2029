"""What is remembered: of a tuple, of a group's recent alerts, and of a rule in one partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from streams.detection.group_summary import GroupSummary


class TupleMemory(Struct, frozen=True, gc=False):
    """The memory of one tuple of a rule's terms. Times are milliseconds since the epoch, UTC.

    Attributes:
        first_seen: the earliest sighting; a late sighting may lower it (M3).
        last_seen: the latest sighting; it never moves backwards (M2).
        times_seen: how many sightings were later than last seen when they came, including the first.
    """

    first_seen: int
    last_seen: int
    times_seen: int


class CapBucket(Struct, frozen=True, gc=False):
    """The alerts let through for one group in one period of event time (A3).

    Attributes:
        start: the start of the period, in milliseconds since the epoch, a multiple of the rule's ``cap_period``.
        alert_ids: the ids of these alerts, in order.
    """

    start: int
    alert_ids: tuple[str, ...]


class RuleState(Struct, frozen=True, gc=False):
    """What one partition knows of a rule (U6, U11).

    Attributes:
        fingerprint: of the rule's query and terms, ``CompiledRule.query_fingerprint``.
        terms_fingerprint: of its terms alone, ``CompiledRule.terms_fingerprint``.
        first_sighting_at: the time of the first sighting under this fingerprint that no exception takes out, in
            milliseconds since the epoch.
        relearning: whether another fingerprint was known before.
        entries: how many tuples the partition remembers for the rule. A crash may leave it too low by what the batch
            in hand added, until the sweep has counted.
    """

    fingerprint: str
    terms_fingerprint: str
    first_sighting_at: int
    relearning: bool = False
    entries: int = 0

    def with_entries(self, entries: int) -> RuleState:
        """Return it with another number of entries."""
        return RuleState(self.fingerprint, self.terms_fingerprint, self.first_sighting_at, self.relearning, entries)


class GroupMemory(Protocol):
    """The memory of one group: a rule's tuples with the same first value, and their cap.

    The worker reads it from RocksDB on demand; a backtest holds it in dicts.
    """

    def remembered(self, values: tuple[str, ...]) -> TupleMemory | None:
        """Return the memory of a tuple of the group; ``None`` if there is none."""

    def summary(self) -> GroupSummary:
        """Return the summary of all tuples of the group."""

    def bucket(self, start: int) -> CapBucket | None:
        """Return the cap's bucket that starts at ``start``; ``None`` if there is none."""

    def buckets_until(self, start: int) -> list[int]:
        """Return the starts of the group's buckets that begin at ``start`` or before, in any order."""

    def rule_state(self) -> RuleState | None:
        """Return what the partition knows of the group's rule; ``None`` if it has never met it."""
