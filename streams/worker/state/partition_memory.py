"""One partition of the memory as one batch sees it: the content of RocksDB, overlaid with what the batch has learned.

The rules:

* A batch keeps what it has read, and writes an entry again only where the order below asks for it.
* What is known of a rule comes first in the changelog: a repeat after a crash finds when the rule began to learn. How
  many entries it has comes last.
* Per group, a batch sends its cap buckets to the changelog before its tuples: if a tuple is remembered, its alert has
  been counted. Exception: when a decision deletes buckets, send everything learned so far, then the deletions, then
  its own tuple. So a repeat after a crash finds each bucket as it was the first time, or the tuple remembered (A3).
  Likewise when a tuple is forgotten and seen anew within the batch: in between, it did not count (U5).
* The summary of a group is deleted before its tuples are sent, and sent behind them. So a crash in between leaves no
  summary that differs from the tuples, and a missing summary is counted anew from them (U5). A small group never has
  one: it would double what most rules store.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from streams.detection.group_summary import SMALL, GroupSummary
from streams.wire import memory as codec
from streams.worker.state.stored_state import StoredState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.memory import CapBucket, RuleState, TupleMemory
    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision
    from streams.rules.rule_set import CompiledRule


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


Change = tuple[bytes, bytes | None]
"""A key and its new value; ``None`` deletes it."""


class PartitionMemory:
    """One partition as one batch sees it: the store, overlaid with what the batch has learned."""

    def __init__(self, number: int, store: Store, offset_key: bytes) -> None:
        self.number = number
        self.store = store
        # Faust's key for the changelog offset that the store has reached.
        self.offset_key = offset_key
        self._groups: dict[tuple[str, str], StoredGroup] = {}
        self._states: dict[str, StoredState] = {}
        self._written: set[bytes] = set()
        self._forgotten: dict[bytes, None] = {}
        self._added: list[bytes] = []

    def group(self, sighting: Sighting, rule: CompiledRule) -> StoredGroup:
        """Return what is remembered of the sighting's group."""
        key = (rule.rule.id, sighting.terms[0].value)
        group = self._groups.get(key)
        if group is None:
            state = self.state(rule.rule.id)
            group = StoredGroup(self.store, key, rule.terms_fingerprint, state, self._written)
            self._groups[key] = group
        return group

    def state(self, rule_id: str) -> StoredState:
        """Return what the partition knows of a rule."""
        state = self._states.get(rule_id)
        if state is None:
            state = self._states[rule_id] = StoredState(self.store, rule_id)
            self._written.add(state.key)
        return state

    def states(self) -> Iterator[tuple[str, RuleState]]:
        """Give what the batch has read or learned of its rules, by rule id."""
        return ((rule_id, state.now) for rule_id, state in self._states.items() if state.now is not None)

    def remember(self, sighting: Sighting, rule: CompiledRule, decision: Decision) -> None:
        """Keep what a decision keeps. Every handled sighting rewrites its tuple, even if the tuple is known (A2)."""
        group = self.group(sighting, rule)
        if decision.memory is not None and group.remembered(sighting.values) is None:
            self._added.append(group.tuple_key(sighting.values))
        if decision.rule_state is not None:
            self.state(rule.rule.id).now = decision.rule_state
        group.remember(sighting.values, decision)

    def added(self) -> list[bytes]:
        """The keys of tuples that the store did not have before the batch."""
        return self._added

    def forget(self, key: bytes) -> None:
        """Delete one entry that the batch has not touched."""
        self._forgotten[key] = None

    @property
    def forgotten(self) -> int:
        """How many entries ``forget`` deletes."""
        return len(self._forgotten)

    def changes(self) -> list[Change]:
        """The changes of the batch, in the order of the changelog; ``None`` deletes. A key may occur twice."""
        return [
            *(change for state in self._states.values() for change in state.first_changes()),
            *(change for group in self._groups.values() for change in group.changes()),
            *((key, None) for key in self._forgotten),
            *(change for state in self._states.values() for change in state.last_changes()),
        ]

    def has_written(self, key: bytes) -> bool:
        """Whether the batch writes or deletes this entry."""
        return key in self._written


class StoredGroup:
    """A group's memory in the store, overlaid with what the batch has learned; implements ``GroupMemory``."""

    def __init__(
        self,
        store: Store,
        group: tuple[str, str],
        terms: str,
        state: StoredState,
        written: set[bytes] | None = None,
    ) -> None:
        """See a group in the store.

        Args:
            store: the partition's store.
            group: the rule's id and the first value.
            terms: the fingerprint of the rule's terms.
            state: what the partition knows of the rule.
            written: takes the keys that the batch writes or deletes.
        """
        self._store = store
        self._rule_id, self._value = group
        self._terms = terms
        self._state = state
        self._keys: dict[tuple[str, ...], bytes] = {}
        self._tuples: dict[tuple[str, ...], TupleMemory | None] = {}
        self._buckets: dict[int, CapBucket | None] = {}
        self._stored_starts: frozenset[int] | None = None  # of all buckets in the store
        self._changed_tuples: dict[tuple[str, ...], None] = {}  # in the order of their first decisions
        self._changed_buckets: set[int] = set()
        self._settled: list[Change] = []
        self._written: set[bytes] = set() if written is None else written
        self._summary: GroupSummary | None = None
        self._is_summary_stored = self._is_summary_changed = False

    def tuple_key(self, values: tuple[str, ...]) -> bytes:
        """Return the key of one of the group's tuples."""
        key = self._keys.get(values)
        if key is None:
            key = self._keys[values] = codec.tuple_key(self._rule_id, self._terms, values)
        return key

    def remembered(self, values: tuple[str, ...]) -> TupleMemory | None:
        """See ``GroupMemory``."""
        if values not in self._tuples:
            value = self._store.get(self.tuple_key(values))
            self._tuples[values] = None if value is None else codec.decode_tuple(value)
        return self._tuples[values]

    def summary(self) -> GroupSummary:
        """See ``GroupMemory``."""
        if self._summary is None:
            value = self._store.get(codec.group_key(self._rule_id, self._terms, self._value))
            self._is_summary_stored = value is not None
            self._summary = self._counted() if value is None else codec.decode_group(value)
        return self._summary

    def bucket(self, start: int) -> CapBucket | None:
        """See ``GroupMemory``."""
        if start not in self._buckets:
            is_read = self._stored_starts is None or start in self._stored_starts
            value = self._store.get(codec.bucket_key(self._rule_id, self._value, start)) if is_read else None
            self._buckets[start] = None if value is None else codec.decode_bucket(value)
        return self._buckets[start]

    def bucket_starts(self) -> Iterator[int]:
        """See ``GroupMemory``."""
        if self._stored_starts is None:
            prefix = codec.bucket_prefix(self._rule_id, self._value)
            keys = (key for key, _ in self._entries(prefix))
            self._stored_starts = frozenset([codec.bucket_start(key, prefix) for key in keys])
        yield from (start for start in self._stored_starts if start not in self._buckets)
        yield from (start for start, bucket in self._buckets.items() if bucket is not None)

    def rule_state(self) -> RuleState | None:
        """See ``GroupMemory``."""
        return self._state.now

    def remember(self, values: tuple[str, ...], decision: Decision) -> None:
        """Keep what a decision keeps of the group."""
        if decision.bucket is not None:
            self._written.add(codec.bucket_key(self._rule_id, self._value, decision.bucket.start))
            self._buckets[decision.bucket.start] = decision.bucket
            self._changed_buckets.add(decision.bucket.start)
        if decision.dropped_buckets or self._is_seen_anew(values, decision.memory):
            self._settle(decision.dropped_buckets)
        if decision.memory is not None:
            self._written.add(self.tuple_key(values))
            self._tuples[values] = decision.memory
            self._changed_tuples[values] = None
        if decision.summary is not None:
            self._written.add(codec.group_key(self._rule_id, self._terms, self._value))
            self._summary = decision.summary
            self._is_summary_changed = True

    def changes(self) -> list[Change]:
        """The batch's changes of this group, in the order of the changelog; ``None`` deletes."""
        rule_id, value, terms = self._rule_id, self._value, self._terms
        buckets = ((start, self._buckets[start]) for start in sorted(self._changed_buckets))
        tuples = ((values, self._tuples[values]) for values in self._changed_tuples)
        changes = [
            *self._settled,
            *((codec.bucket_key(rule_id, value, start), codec.encode_bucket(kept)) for start, kept in buckets if kept),
        ]
        summary = codec.group_key(rule_id, terms, value)
        if self._is_summary_changed and self._is_summary_stored:
            changes.append((summary, None))
        changes += ((self.tuple_key(key), codec.encode_tuple(kept)) for key, kept in tuples if kept)
        if self._is_summary_changed and self._summary is not None and self._is_worth_storing(self._summary):
            changes.append((summary, codec.encode_group(self._summary)))
        return changes

    def _is_worth_storing(self, summary: GroupSummary) -> bool:
        return self._is_summary_stored or summary.tuples > SMALL

    def _is_seen_anew(self, values: tuple[str, ...], after: TupleMemory | None) -> bool:
        """Whether the tuple was forgotten and seen anew in the batch itself, which is long then."""
        before = self._tuples.get(values) if values in self._changed_tuples else None
        return before is not None and after is not None and before.last_seen < after.first_seen

    def _settle(self, dropped_buckets: tuple[int, ...]) -> None:
        """Fix the order of what was learned so far; the deletions come behind it."""
        self._settled = self.changes()
        if self._is_summary_changed and self._summary is not None:
            self._is_summary_stored = self._is_worth_storing(self._summary)
        self._is_summary_changed = False
        self._changed_buckets, self._changed_tuples = set(), {}
        for start in dropped_buckets:
            key = codec.bucket_key(self._rule_id, self._value, start)
            self._written.add(key)
            self._buckets[start] = None
            self._settled.append((key, None))

    def _counted(self) -> GroupSummary:
        """Count the group's tuples, which the batch has not changed yet: that needs the summary first."""
        entries = self._entries(codec.tuple_prefix(self._rule_id, self._terms, self._value))
        return GroupSummary.of(codec.decode_tuple(value) for _, value in entries)

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
