"""What a partition knows of a rule, as one batch sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.wire.stored import memory as codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.memory import RuleState
    from streams.worker.state.entries import Change, Store


class StoredState:
    """What the store knows of a rule, overlaid with what the batch has learned."""

    def __init__(self, store: Store, rule_id: str) -> None:
        self.key = codec.rule_key(rule_id)
        value = store.get(self.key)
        self._before = None if value is None else codec.decode_rule(value)
        self.now = self._before

    def first_changes(self) -> Iterator[Change]:
        """Give the state with the entries of before the batch, if the rule is new or changed."""
        if self.now is self._before:  # most often: of a batch, only new tuples change it
            return
        first = self._first()
        if first is not None and first != self._before:
            yield self.key, codec.encode_rule(first)

    def last_changes(self) -> Iterator[Change]:
        """Give the state with the entries of after the batch, if their number has changed."""
        if self.now is not None and self.now is not self._before and self.now != self._first():
            yield self.key, codec.encode_rule(self.now)

    def _first(self) -> RuleState | None:
        before, now = self._before, self.now
        if now is None:
            return None
        entries = before.entries if before is not None and before.terms_fingerprint == now.terms_fingerprint else 0
        return now.with_entries(entries)
