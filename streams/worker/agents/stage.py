"""A stage that remembers: it takes records, sends what they lead to, and keeps what it has learned.

The rules (A2), for each batch:

1. Decide in order. Each decision sees what earlier decisions of the batch have learned.
2. Send what was decided; wait until the broker has acknowledged all of it.
3. Send the changes of the memory to the changelog; wait until the broker has acknowledged all of them.
4. Write the changes to RocksDB.
5. Return, so that the offsets may be committed.

A crash between any two steps repeats the batch: the same decisions from the same memory, with the same ids.
After each wait another worker may own the partitions. Then the batch is abandoned, and the next owner repeats it: a
late write to the changelog would come after the next owner's recovery, and the store may have been closed meanwhile.
A worker that was stopped hears of the other worker with its next heartbeat only, so 3 and 4 also wait for the lease.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from streams.wire.single_object import UnknownSchemaError, WireError
from streams.worker.failure import failed_record
from streams.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.worker.agents.dead_letter import DeadLetters
    from streams.worker.delivery import Message
    from streams.worker.skips import Skips

Change = tuple[bytes, bytes | None]
"""A key and its new value; ``None`` deletes it."""


class View(Protocol):
    """One partition of the stage's table as one batch sees it."""

    @property
    def number(self) -> int:
        """The partition."""

    def changes(self) -> list[Change]:
        """What the batch has changed, in the order of the changelog."""


V = TypeVar("V", bound=View)
Item = TypeVar("Item")
Decided = TypeVar("Decided")


class Sender(Protocol):
    """Sends records."""

    async def send_all(self, records: Sequence[Outgoing], /) -> Sequence[int]:
        """Return their offsets, in order, once the broker has acknowledged all of them."""


class Table(Protocol[V]):
    """The stage's table."""

    def partition(self, number: int, /) -> V:
        """Return a view of one partition for one batch."""

    def apply(self, partition: V, changes: list[Change], offsets: Sequence[int], /) -> None:
        """Write changes that the changelog has acknowledged."""


class Lease(Protocol):
    """Says until when this worker surely holds its partitions."""

    async def wait_until_held(self, owned: Callable[[], bool], /) -> bool:
        """Wait until the lease holds; false as soon as ``owned`` says that the partitions are given up."""


class Logic(ABC, Generic[V, Item, Decided]):
    """What a stage does with its records."""

    @abstractmethod
    def read(self, value: bytes) -> Item:
        """Return the item in a record's value.

        Raises:
            WireError: the value holds none; it becomes a dead letter.
            UnknownSchemaError: a newer version wrote it; this version must not go past it.
        """

    @abstractmethod
    async def decide(self, message: Message, item: Item, view: V) -> tuple[Decided, list[Outgoing]]:
        """Decide on an item, note in the view what is learned, and return the decision and what it sends."""

    @abstractmethod
    def acknowledged(self, decisions: Sequence[tuple[Message, Item, Decided]]) -> None:
        """Count the decisions of a batch; all that they sent has been acknowledged."""

    @abstractmethod
    def sweep(self, view: V, decided: Sequence[tuple[Message, Decided]]) -> None:
        """Note in the view what is to be forgotten, after all decisions of a batch."""

    @abstractmethod
    def stored(self, view: V) -> None:
        """Take note that the view's changes are in the store."""


@dataclass(frozen=True, slots=True)
class Stage(Generic[V, Item, Decided]):
    """Handles batches of records.

    Attributes:
        logic: what the stage does.
        table: what it remembers.
        changelog: the table's changelog topic.
        skips: the records that become dead letters unread.
        lease: must hold when changes are sent.
        sender: sends everything.
        dead_letters: makes the dead letters.
    """

    logic: Logic[V, Item, Decided]
    table: Table[V]
    changelog: str
    skips: Skips
    lease: Lease
    sender: Sender
    dead_letters: DeadLetters

    async def handle(self, messages: Sequence[Message], owned: Callable[[], bool]) -> None:
        """Decide on a batch; return when everything is acknowledged and stored."""
        views: dict[int, V] = {}
        decisions: list[tuple[Message, Item, Decided]] = []
        outgoing: list[Outgoing] = []
        for message in messages:
            try:
                item = await self._read(message, outgoing)
                if not owned():
                    return
                if item is None:
                    continue
                if message.partition not in views:
                    views[message.partition] = self.table.partition(message.partition)
                decided, sends = await self.logic.decide(message, item, views[message.partition])
                decisions.append((message, item, decided))
                outgoing += sends
            except Exception as failure:
                raise failed_record(message) from failure
        if not owned():
            return
        await self.sender.send_all(outgoing)
        self.logic.acknowledged(decisions)
        if owned():
            for number, view in views.items():
                self.logic.sweep(view, [(m, decided) for m, _, decided in decisions if m.partition == number])
            await self._keep(list(views.values()), owned)

    async def _read(self, message: Message, outgoing: list[Outgoing]) -> Item | None:
        """The item in a message. If the message is unreadable or skipped, its dead letter goes to ``outgoing``."""
        if self.skips.has(message.topic, message.partition, message.offset):
            outgoing.append(await self.dead_letters.skipped(message))
            return None
        if message.value is None:
            return None  # a tombstone (R5)
        try:
            return self.logic.read(message.value)
        except UnknownSchemaError:
            raise  # a newer version wrote it, before a rollback: this version must not go past it
        except WireError as unreadable:
            outgoing.append(self.dead_letters.unread(message, "malformed", str(unreadable)))
            return None

    async def _keep(self, views: list[V], owned: Callable[[], bool]) -> None:
        changes = [(view, view.changes()) for view in views]
        records = [
            Outgoing(self.changelog, key, value, partition=view.number)
            for view, changed in changes
            for key, value in changed
        ]
        if not records or not await self.lease.wait_until_held(owned):
            return
        stored = await self.sender.send_all(records)
        # A worker that was stopped meanwhile may own its partitions until its next heartbeat, but another one has them.
        if not await self.lease.wait_until_held(owned):
            return
        offsets = iter(stored)
        for view, changed in changes:
            if changed:
                self.table.apply(view, changed, list(islice(offsets, len(changed))))
            self.logic.stored(view)
