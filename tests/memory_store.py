"""A partition of the worker's memory without Kafka and RocksDB; a test says how far a batch is stored."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sightings import DAY, RULES, nothing_known

from streams.pipeline import Decision, DecisionSettings, Seen, detect
from streams.wire.stored import memory as codec
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.stored_group import StoredGroup
from streams.worker.state.sweep import Forgetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.detection.group_summary import GroupSummary, Others
    from streams.extraction.sighting import Sighting
    from streams.rules.rule_set import RuleSet
    from streams.worker.state.sweep import Sweep


@dataclass
class Store:
    """A RocksDB store, as the worker uses it, over a dict."""

    entries: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The key's value."""
        return self.entries.get(key)

    def iter(self) -> Cursor:
        """An iterator over the present entries."""
        return Cursor(sorted(self.entries.items()))

    def items(self, *, from_key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The present entries in the order of their keys, from the first at or after ``from_key``."""
        return iter(sorted((key, value) for key, value in self.entries.items() if key >= from_key))

    def keys(self, *, from_key: bytes) -> Iterator[bytes]:
        """The present keys in order, from the first at or after ``from_key``."""
        return iter(sorted(key for key in self.entries if key >= from_key))


@dataclass
class Cursor:
    """RocksDB's iterator: it has the entries of the time when it was created."""

    entries: Sequence[tuple[bytes, bytes]]
    place: int = 0

    def seek(self, start: bytes) -> None:
        """Go to the first key at or after ``start``."""
        self.place = bisect_left(self.entries, (start,))

    def valid(self) -> bool:
        """Whether there is an entry at this position."""
        return self.place < len(self.entries)

    def key(self) -> bytes:
        """The entry's key."""
        return self.entries[self.place][0]

    def value(self) -> bytes:
        """The entry's value."""
        return self.entries[self.place][1]

    def next(self) -> None:
        """Go to the next entry."""
        self.place += 1

    def status(self) -> None:
        """Raise an error if damage ended the iteration; here is none."""


class Partition:
    """Handles batches as the detect agent does.

    Attributes:
        store: the remembered entries.
        sent: the id and the topic of each alert, in order.
        sweep: deletes what is forgotten; ``None`` if nothing does.
    """

    def __init__(self, decision_settings: DecisionSettings, sweep: Sweep | None = None, rules: RuleSet = RULES) -> None:
        settings = dict.fromkeys(rules.by_id, decision_settings)
        self._forgetting = Forgetting(rules, settings, decision_settings.forget_after)
        self.sweep = sweep
        self.store = Store()
        self.sent: list[tuple[str, str]] = []

    def decide(self, batch: PartitionMemory, sighting: Sighting) -> Decision:
        """Decide on one sighting of a batch."""
        rule = self._forgetting.rules.by_id[sighting.rule_id]
        settings = self._forgetting.settings[sighting.rule_id]
        decision = detect(sighting, batch.group(sighting, rule), rule, settings, nothing_known)
        batch.remember(sighting, rule, decision)
        return decision

    def meaning(self) -> dict[bytes, object]:
        """What the store remembers, for comparison.

        A group's summary is as decisions see it, stored or counted: the others by the day from which they count. How
        many entries a rule has is left out, because
        after a kill it may be too low.
        """
        found: dict[bytes, object] = {}
        batch = PartitionMemory(0, self.store, b"offset")
        for key, value in self.store.entries.items():
            match codec.parse_key(key):
                case codec.TupleKey(rule_id, terms, values):
                    found[key] = value
                    group = StoredGroup(self.store, (rule_id, values[0]), terms, batch.state(rule_id))
                    found[codec.group_key(rule_id, terms, values[0])] = self._counted(group.summary())
                case codec.BucketKey():
                    found[key] = value
                case codec.RuleKey():
                    found[key] = codec.decode_rule(value).with_entries(0)
        return found

    def _counted(self, summary: GroupSummary) -> list[Others]:
        latest = summary.last_seen // DAY
        oldest = latest - self._forgetting.forget_after // DAY
        return [summary.others(None, day) for day in range(oldest, latest + 1)]

    def handle(self, sightings: Sequence[Sighting], stored: Callable[[int], int] = lambda changes: changes) -> None:
        """Decide on a batch, send its alerts, and store ``stored`` of its changes, or all of them."""
        batch = PartitionMemory(0, self.store, b"offset")
        decisions = [self.decide(batch, sighting) for sighting in sightings]
        self.sent += [(d.alert_id, d.outcome) for d in decisions if d.alert_id is not None]
        if self.sweep is not None:
            self.sweep.forget(batch, [Seen(decision.time, decision.time) for decision in decisions], self._forgetting)
        changes = batch.changes()
        for key, value in changes[: stored(len(changes))]:
            if value is None:
                self.store.entries.pop(key, None)
            else:
                self.store.entries[key] = value
