"""A group of the memory as one batch sees it; ``partition_memory`` has the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection.group_summary import SMALL, GroupSummary
from streams.wire.stored import memory as codec
from streams.worker.state.entries import keys_from, values_from

if TYPE_CHECKING:
    from streams.detection.memory import CapBucket, RuleState, TupleMemory
    from streams.pipeline import Decision
    from streams.worker.state.entries import Change, Store
    from streams.worker.state.stored_state import StoredState

_AHEAD = 3_600_000  # in milliseconds: the sightings of a batch are seldom further apart


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
        rule_id, value = group
        self._tuple_prefix, self._bucket_prefix, self._summary_key = codec.group_keys(rule_id, terms, value)
        self._state = state
        self._keys: dict[tuple[str, ...], bytes] = {}
        self._tuples: dict[tuple[str, ...], TupleMemory | None] = {}
        self._buckets: dict[int, CapBucket | None] = {}
        self._old: set[int] = set()  # the starts of all buckets that begin at the next time or before
        self._old_until: int | None = None
        self._changed_tuples: dict[tuple[str, ...], None] = {}  # in the order of their first decisions
        self._changed_buckets: set[int] = set()
        self._settled: list[Change] = []
        self._written: set[bytes] = set() if written is None else written
        self._summary: GroupSummary | None = None
        self._stored_summary: bytes | None = None
        self._is_summary_stored = self._is_summary_changed = False

    def tuple_key(self, values: tuple[str, ...]) -> bytes:
        """Return the key of one of the group's tuples."""
        key = self._keys.get(values)
        if key is None:
            key = self._keys[values] = codec.tuple_key_behind(self._tuple_prefix, values)
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
            value = self._store.get(self._summary_key)
            self._stored_summary, self._is_summary_stored = value, value is not None
            self._summary = self._counted() if value is None else codec.decode_group(value)
        return self._summary

    def bucket(self, start: int) -> CapBucket | None:
        """See ``GroupMemory``."""
        if start not in self._buckets:
            value = self._store.get(self._bucket_key(start))
            self._buckets[start] = None if value is None else codec.decode_bucket(value)
        return self._buckets[start]

    def buckets_until(self, start: int) -> list[int]:
        """See ``GroupMemory``."""
        if self._old_until is None or start > self._old_until:
            self._old_until = start + _AHEAD
            self._old = self._stored_until(self._old_until)
            for known, bucket in self._buckets.items():
                self._note_bucket(known, is_there=bucket is not None)
        return [each for each in self._old if each <= start] if self._old else []

    def _stored_until(self, time: int) -> set[int]:
        """The starts of the stored buckets that begin at a time or before."""
        prefix = self._bucket_prefix
        last = self._bucket_key(time)
        # Positive numbers of as many digits are in the order of their keys.
        length = len(last) if time >= 0 else 0
        keys = (key for key in keys_from(self._store, prefix) if len(key) != length or key <= last)
        return {start for key in keys if (start := codec.bucket_start(key, prefix)) <= time}

    def _note_bucket(self, start: int, *, is_there: bool) -> None:
        if self._old_until is not None and start <= self._old_until:
            (self._old.add if is_there else self._old.discard)(start)

    def rule_state(self) -> RuleState | None:
        """See ``GroupMemory``."""
        return self._state.now

    def remember(self, values: tuple[str, ...], decision: Decision) -> None:
        """Keep what a decision keeps of the group."""
        if decision.bucket is not None:
            start = decision.bucket.start
            self._written.add(self._bucket_key(start))
            self._buckets[start] = decision.bucket
            self._changed_buckets.add(start)
            self._note_bucket(start, is_there=True)
        if decision.dropped_buckets or self._is_seen_anew(values, decision.memory):
            self._settle(decision.dropped_buckets)
        if decision.memory is not None:
            self._written.add(self.tuple_key(values))
            self._tuples[values] = decision.memory
            self._changed_tuples[values] = None
        if decision.summary is not None:
            self._written.add(self._summary_key)
            self._summary = decision.summary
            self._is_summary_changed = True

    def changes(self) -> list[Change]:
        """The batch's changes of this group, in the order of the changelog; ``None`` deletes."""
        changes = self._settled.copy()
        for start in sorted(self._changed_buckets):
            bucket = self._buckets[start]
            if bucket is not None:
                changes.append((self._bucket_key(start), codec.encode_bucket(bucket)))
        if self._is_summary_changed and self._is_summary_stored:
            changes.append((self._summary_key, None))
        for values in self._changed_tuples:
            remembered = self._tuples[values]
            if remembered is not None:
                changes.append((self.tuple_key(values), codec.encode_tuple(remembered)))
        if self._is_summary_changed and self._summary is not None and self._is_worth_storing(self._summary):
            changes.append((self._summary_key, codec.encode_group(self._summary, self._stored_summary)))
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
            key = self._bucket_key(start)
            self._written.add(key)
            self._buckets[start] = None
            self._note_bucket(start, is_there=False)
            self._settled.append((key, None))

    def _counted(self) -> GroupSummary:
        """Count the group's tuples, which the batch has not changed yet: that needs the summary first."""
        return GroupSummary.of(map(codec.decode_tuple, values_from(self._store, self._tuple_prefix)))

    def _bucket_key(self, start: int) -> bytes:
        return b"%b%d]" % (self._bucket_prefix, start)
