"""The trace stage without Kafka and RocksDB: one partition with its changelog, its store, and what was sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memory_store import Store
from root_sessions import SETTINGS

from streams.settings import Settings
from streams.topics.catalogue import topic_names
from streams.wire.sessions import item as item_codec
from streams.wire.sessions import state as state_codec
from streams.wire.sessions.published import ACTIVITY, SUMMARY
from streams.worker.agents.dead_letter import DeadLetters
from streams.worker.agents.published.encoder import encoder_for
from streams.worker.agents.published.json_form import json_form
from streams.worker.agents.sessions.trace import Indexes, Tracing
from streams.worker.agents.stage import Stage
from streams.worker.consumer.lease import Lease
from streams.worker.delivery import Message
from streams.worker.monitoring.counters import Metrics
from streams.worker.skips import NO_SKIPS
from streams.worker.state.sessions.partition import SessionPartition
from streams.worker.state.table import OpenStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.sessions.action import Action
    from streams.sessions.grant import Granted
    from streams.sessions.joining.state import Close, KeyState
    from streams.worker.agents.sessions.trace import Item
    from streams.worker.outgoing import Outgoing

OPTIONS = Settings(json_alerts="native")
NAMES = topic_names(OPTIONS)


class KilledError(Exception):
    """The process is killed here."""


class TraceWorker:
    """A worker that owns one partition of the sessions.

    Attributes:
        store: the partition's store.
        changelog: the records of its changelog, in order.
        sent: all other records that were sent, in order.
        left: how many records it still sends before it is killed; ``None``: it is not killed.
        owned: whether it owns the partition.
        lose_after: it loses the partition once it has sent a record of this topic.
        restores: how often a recovery has written to the store.
    """

    def __init__(self, grace: int = SETTINGS.grace) -> None:
        self.store = Store()
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.sent: list[Outgoing] = []
        self.left: int | None = None
        self.owned = True
        self.lose_after = ""
        self.restores_done = 0
        self._grace = grace
        self.start()

    def start(self) -> None:
        """Start a process: with its store, which holds all of the changelog, and nothing in memory."""
        self.restore()
        self.metrics = Metrics()
        table: Any = self
        self.indexes = Indexes(table, self._grace)
        dead_letters = DeadLetters(NAMES.dead_letter, 1_000_000, Settings().extract_settings(), self.metrics)
        tracing = Tracing(
            settings=replace(SETTINGS, grace=self._grace),
            topics=NAMES,
            largest=1_000_000,
            encoder=encoder_for(Settings(), self.metrics),
            dead_letters=dead_letters,
            metrics=self.metrics,
            indexes=self.indexes,
            json_form=json_form(OPTIONS, NAMES, 1_000_000, dead_letters),
        )
        lease = Lease(1e9)
        lease.renew(lease.now())
        self._stage = Stage(tracing, table, NAMES.sessions_changelog, NO_SKIPS, lease, self, dead_letters)

    def restore(self) -> None:
        """Write what the changelog holds to the store, as a recovery does."""
        self.restores_done += 1
        self._write(self.changelog)

    def handle(self, items: Sequence[tuple[Item, int]]) -> None:
        """Handle a batch of items, each with the time at which it arrived."""
        asyncio.run(self._stage.handle([_message(item, arrived) for item, arrived in items], lambda: self.owned))

    def killed_in(self, items: Sequence[tuple[Item, int]], sent: int) -> bool:
        """Handle a batch, be killed after so many records, and start again; false if the batch has fewer."""
        self.left = sent
        try:
            self.handle(items)
        except KilledError:
            self.start()
            return True
        finally:
            self.left = None
        return False

    # What the stage asks of its sender.

    async def send_all(self, records: Sequence[Outgoing]) -> list[int]:
        """Send the records up to the kill."""
        offsets = []
        for record in records:
            if self.left == 0:
                raise KilledError
            self.left = None if self.left is None else self.left - 1
            self.owned = self.owned and record.topic != self.lose_after
            if record.topic == NAMES.sessions_changelog:
                assert record.key is not None
                self.changelog.append((record.key, record.value))
            else:
                self.sent.append(record)
            offsets.append(len(self.changelog) - 1)
        return offsets

    # What the stage and the indexes ask of the table.

    def partition(self, number: int) -> SessionPartition:
        """See ``SessionsTable``."""
        store: Any = self.store
        return SessionPartition(number, store, b"offset")

    def apply(self, _view: object, changes: list[tuple[bytes, bytes | None]], offsets: Sequence[int]) -> None:
        """See ``SessionsTable``."""
        assert list(offsets) == list(range(len(self.changelog) - len(changes), len(self.changelog)))
        self._write(changes)

    def stores(self) -> list[OpenStore]:
        """See ``SessionsTable``."""
        store: Any = self.store
        return [OpenStore(0, is_active=True, store=store)]

    def restores(self, _number: int) -> int:
        """See ``SessionsTable``."""
        return self.restores_done

    def _write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in changes:
            if value is None:
                self.store.entries.pop(key, None)
            else:
                self.store.entries[key] = value

    # What came of it.

    def states(self) -> dict[str, KeyState]:
        """What is stored of each key."""
        return {
            state_codec.parse_key(key).access_key_id: state_codec.decode_state(value)
            for key, value in self.store.entries.items()
            if key.startswith(state_codec.ALL_STATES)
        }

    def actions(self) -> dict[tuple[str, int], Action]:
        """The whole actions that a stored state names; each must be stored."""
        return {
            (key, kept.mark): state_codec.decode_action(
                self.store.entries[state_codec.action_key(key, kept.mark)],
            )
            for key, state in self.states().items()
            for kept in state.kept
        }

    def activities(self) -> list[dict[str, Any]]:
        """The activity that was sent, in order, without the time of its detection."""
        read = (ACTIVITY.read(value) for value in self._values(NAMES.activity))
        return [{**found, "detected_at": None} for found in read]

    def summaries(self) -> list[dict[str, Any]]:
        """The summaries that were sent, in order."""
        return [SUMMARY.read(value) for value in self._values(NAMES.session_summaries)]

    def summaries_as_json(self) -> list[dict[str, Any]]:
        """The same as JSON, in order."""
        assert NAMES.alerts_json is not None
        return [json.loads(value)["summary"] for value in self._values(NAMES.alerts_json)]

    def _values(self, topic: str) -> Iterator[bytes]:
        return (record.value for record in self.sent if record.topic == topic and record.value is not None)


def _message(item: Granted | Action | Close, arrived: int) -> Message:
    return Message(NAMES.sessions, 0, 0, arrived, item.access_key_id.encode(), item_codec.encode(item), 0.0)
