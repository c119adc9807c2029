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

from typing import TYPE_CHECKING

from streams.worker.state.stored_group import StoredGroup
from streams.worker.state.stored_state import StoredState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.memory import RuleState
    from streams.extraction.sighting import AnySighting
    from streams.pipeline import Decision
    from streams.rules.rule_set import CompiledRule
    from streams.worker.state.entries import Change, Store


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
        self._added: list[tuple[str, bytes]] = []

    def group(self, sighting: AnySighting, rule: CompiledRule) -> StoredGroup:
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

    def remember(self, sighting: AnySighting, rule: CompiledRule, decision: Decision) -> None:
        """Keep what a decision keeps. Every handled sighting rewrites its tuple, even if the tuple is known (A2)."""
        group, values = self.group(sighting, rule), sighting.values
        if decision.memory is not None and group.remembered(values) is None:
            self._added.append((rule.rule.id, group.tuple_key(values)))
        if decision.rule_state is not None:
            self.state(rule.rule.id).now = decision.rule_state
        group.remember(values, decision)

    def added(self) -> list[tuple[str, bytes]]:
        """The tuples that the store did not have before the batch: each with its rule's id and its key."""
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
