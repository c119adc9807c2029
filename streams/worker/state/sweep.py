"""Deletes what is forgotten from the memory, a few entries per sighting (M8, A3), and counts each rule's tuples (U11).

Reading a whole partition would take seconds. So each sighting examines the next few entries, and the sweep starts again
at the end.

- A tuple is forgotten by the ``forget_after`` of its rule. A tuple of a rule that does not run, or of terms that the
  rule no longer has, is forgotten by the flat setting: a rule that was left out by mistake finds its memory again.
- A group's summary is deleted when all that it counts is forgotten. What is known of a rule is deleted if the rule does
  not run and a whole round finds no tuple of it: as long as it remembers, it must know what it has learned.
- Each round counts the tuples of each rule. A crash may have left the number in the rule's state too low. A round that
  began before the store was opened finds nothing: another worker may have changed what was passed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple

from streams import pipeline
from streams.wire.stored import memory as codec
from streams.wire.stored.stored_tuples import seen_before
from streams.worker.state.entries import next_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streams.rules.rule_set import RuleSet
    from streams.worker.state.entries import Store
    from streams.worker.state.partition_memory import PartitionMemory

# Entries examined per sighting. One would keep up with one new tuple per sighting; more catch up after a flood.
STEP = 4


@dataclass(frozen=True, slots=True)
class Forgetting:
    """When entries are forgotten.

    Attributes:
        rules: the rules that run.
        settings: the settings of their decisions, by rule id.
        forget_after: of everything else, in milliseconds.
    """

    rules: RuleSet
    settings: Mapping[str, pipeline.DecisionSettings]
    forget_after: int

    @property
    def clock(self) -> Literal["event", "record"]:
        """The clock of all rules (M4)."""
        return next(iter(self.settings.values())).clock

    def of_terms(self, rule_id: str, terms: str) -> int:
        """Return after how many milliseconds a tuple is forgotten; ``terms`` is the fingerprint in its key."""
        return self.settings[rule_id].forget_after if self.runs(rule_id, terms) else self.forget_after

    def runs(self, rule_id: str, terms: str) -> bool:
        """Whether the rule runs, with these terms."""
        rule = self.rules.by_id.get(rule_id)
        return rule is not None and rule.terms_fingerprint == terms

    def is_deletable(self, key: codec.Key, value: bytes, now: int) -> bool:
        """Whether an entry that is no tuple has no effect at ``now`` or later, in milliseconds since the epoch."""
        match key:
            case codec.GroupKey(rule_id, terms):
                last_seen = codec.decode_group(value).last_seen
                return pipeline.is_deletable(last_seen, now, self.of_terms(rule_id, terms))
            case codec.BucketKey():
                return pipeline.bucket_is_over(key.start, now)
        return False


# The values of a tuple's key behind the first opening quote, if none of them has an escape.
_VALUES = re.compile(rb'[^"\\]*+"(?:,"[^"\\]*+")*+\]').fullmatch


class _Terms(NamedTuple):
    """A rule's tuples under the same terms.

    Attributes:
        rule_id: the rule.
        runs: whether the rule runs with these terms.
        prefix: what exactly the keys of these tuples begin with.
        is_deletable: whether a tuple is deleted, by its stored value.
    """

    rule_id: str
    runs: bool
    prefix: bytes
    is_deletable: Callable[[bytes], bool]

    def has(self, key: bytes) -> bool:
        """Whether a key is one of these tuples'; a key of another form is not."""
        return key.startswith(self.prefix) and _VALUES(key, len(self.prefix)) is not None


@lru_cache(maxsize=1024)  # the same for all batches of a day
def _terms(rule_id: str, terms: str, before: int, *, runs: bool) -> _Terms:
    prefix = codec.tuple_prefix(rule_id, terms, "").removesuffix(b'"')
    return _Terms(rule_id, runs, prefix, seen_before(before))


class _AllTerms(dict[tuple[bytes, bytes], _Terms]):
    """The tuples of all rules at a time, by rule id and fingerprint of the terms as keys have them."""

    def __init__(self, forgetting: Forgetting, now: int) -> None:
        super().__init__()
        self.forgetting = forgetting
        self.now = now

    def __missing__(self, plain: tuple[bytes, bytes]) -> _Terms:
        terms = self[plain] = self._of(*(part.decode("ascii") for part in plain))
        return terms

    def of(self, key: bytes) -> _Terms | None:
        """Those that the tuple of this key is one of; ``None`` for other keys."""
        plain = codec.plain_tuple(key)
        if plain is not None:
            return self[plain]
        parsed = codec.parse_key(key) if key.startswith(codec.ALL_TUPLES) else None
        return self._of(parsed.rule_id, parsed.terms) if isinstance(parsed, codec.TupleKey) else None

    def _of(self, rule_id: str, terms: str) -> _Terms:
        before = pipeline.deletable_before(self.now, self.forgetting.of_terms(rule_id, terms))
        return _terms(rule_id, terms, before, runs=self.forgetting.runs(rule_id, terms))


class Sweep:
    """Goes round one partition of the table.

    The position is in memory only: after a restart the sweep begins again at the first entry.
    """

    def __init__(self) -> None:
        self._next = b""
        self._newest: int | None = None
        self._counted: Counter[str] = Counter()  # tuples by rule, of the present round
        self._gone: set[str] = set()  # the rules that do not run, but of which something is known
        self._in_use: set[str] = set()  # the rules of which a tuple is remembered, under whatever terms
        self._store: Store | None = None
        self._is_whole = True  # whether the present round began in this store

    def forget(self, partition: PartitionMemory, batch: Sequence[pipeline.Seen], forgetting: Forgetting) -> None:
        """Have a batch's memory delete the forgotten ones among the next entries.

        Args:
            partition: the batch's view of the partition, after all of its decisions.
            batch: the sightings of this partition, in order.
            forgetting: the settings.
        """
        time = pipeline.partition_time(self._newest, batch)
        if time is None:
            return
        self._newest = time.newest
        if partition.store is not self._store:
            self._store, self._is_whole = partition.store, not self._next
        tuples = _AllTerms(forgetting, time.now)
        added = partition.added()
        rest, beginning = self._examined(partition, STEP * len(batch))
        self._delete(partition, rest, tuples)
        if beginning is None:
            self._count(added, before=self._next)
            return
        self._count(added)
        self._end_round(partition, forgetting)
        self._delete(partition, beginning, tuples)
        self._count(added, before=self._next)
        if not self._next:  # the batch has passed the whole store, and the next one begins anew
            self._start_round()

    def _end_round(self, partition: PartitionMemory, forgetting: Forgetting) -> None:
        if self._is_whole:
            for rule in forgetting.rules.rules:
                _correct(partition, rule.rule.id, self._counted[rule.rule.id])
            for rule_id in self._gone - self._in_use:
                partition.forget(codec.rule_key(rule_id))
        self._start_round()

    def _start_round(self) -> None:
        self._is_whole = True
        for of_round in (self._counted, self._gone, self._in_use):
            of_round.clear()

    def _examined(self, partition: PartitionMemory, count: int) -> tuple[list[Entry], list[Entry] | None]:
        """The next entries to the end of the store, and those behind its beginning; ``None`` before the end."""
        start = self._next
        rest = _entries(partition, start, count)
        if len(rest) == count:
            self._next = rest[-1][0] + b"\0"
            return rest, None
        beginning = _entries(partition, b"", count - len(rest))
        beginning = list(takewhile(lambda entry: entry[0] < start, beginning))
        # Not at the first key, even if all are examined: the new round has counted these.
        self._next = beginning[-1][0] + b"\0" if beginning else b""
        return rest, beginning

    def _delete(self, partition: PartitionMemory, entries: list[Entry], tuples: _AllTerms) -> None:
        """Delete what is to be forgotten among the entries, and count the other tuples."""
        latest: _Terms | None = None
        kept = 0
        for key, value in entries:
            if latest is not None and latest.has(key) and not latest.is_deletable(value):
                kept += 1  # nearly all entries
                continue
            self._keep(latest, kept)
            latest, kept = tuples.of(key), 0
            if latest is None:
                self._delete_other(partition, key, value, tuples)
            elif latest.is_deletable(value) and not partition.has_written(key):
                partition.forget(key)
                if latest.runs:
                    _subtract(partition, latest.rule_id)
            else:
                kept = 1
        self._keep(latest, kept)

    def _keep(self, terms: _Terms | None, tuples: int) -> None:
        """Take note of tuples that stay."""
        if terms is not None and tuples:
            self._in_use.add(terms.rule_id)
            if terms.runs:
                self._counted[terms.rule_id] += tuples

    def _delete_other(self, partition: PartitionMemory, key: bytes, value: bytes, tuples: _AllTerms) -> None:
        now, forgetting = tuples.now, tuples.forgetting
        start = codec.plain_bucket(key)
        if start is not None:
            if pipeline.bucket_is_over(start, now) and not partition.has_written(key):
                partition.forget(key)
            return
        parsed = codec.parse_key(key)
        if not partition.has_written(key) and forgetting.is_deletable(parsed, value, now):
            partition.forget(key)
        elif isinstance(parsed, codec.RuleKey) and parsed.rule_id not in forgetting.rules.by_id:
            self._gone.add(parsed.rule_id)

    def _count(self, added: Iterable[tuple[str, bytes]], before: bytes | None = None) -> None:
        """Count tuples that the batch adds: all, or only those that the present round has already gone past."""
        self._counted.update(rule_id for rule_id, key in added if before is None or key < before)


Entry = tuple[bytes, bytes]


def _subtract(partition: PartitionMemory, rule_id: str) -> None:
    state = partition.state(rule_id)
    if state.now is not None:
        state.now = state.now.with_entries(max(0, state.now.entries - 1))


def _correct(partition: PartitionMemory, rule_id: str, entries: int) -> None:
    state = partition.state(rule_id)
    if state.now is not None:
        state.now = state.now.with_entries(entries)


def _entries(partition: PartitionMemory, start: bytes, count: int) -> list[Entry]:
    """The next entries of the memory; one more is read, because one may be Faust's."""
    found = next_from(partition.store, start, count + 1)
    return [entry for entry in found if entry[0] != partition.offset_key][:count]
