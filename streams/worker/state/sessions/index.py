"""Which keys of a partition have something due, and when: in memory, read from the table once.

Looking for what is due would otherwise read every state every few seconds.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from sortedcontainers import SortedSet

from streams.sessions.joining.forget import Waiting
from streams.wire.sessions import state as codec
from streams.worker.state.entries import stored_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sessions.joining.state import KeyState
    from streams.worker.state.entries import Store


class Entry(NamedTuple):
    """What is known of one key; times in milliseconds since the epoch.

    Attributes:
        due: when a summary of it is due; ``None`` if none is to come.
        forget_at: when something of it is to be forgotten; ``None`` if a summary must come first.
        open: how many of its sessions wait for a summary.
        waiting: how many of its actions wait for a grant.
        waiting_since: when the first of those arrived; ``None`` without any.
    """

    due: int | None
    forget_at: int | None
    open: int
    waiting: int
    waiting_since: int | None

    @classmethod
    def of(cls, state: KeyState, grace: int) -> Entry:
        """Return the entry of a state."""
        if len(state.sessions) == 1 and not state.kept:  # nearly always
            (session,) = state.sessions
            forget_at = None if session.is_open else session.forgotten_after + 1
            return cls(session.due(grace), forget_at, int(session.is_open), 0, None)
        return cls(
            state.due(grace),
            state.forget_at,
            sum([session.is_open for session in state.sessions]),
            state.waiting,
            state.waiting_since,
        )


class SessionIndex:
    """The keys of one partition.

    Attributes:
        store: the store that was read; with another one the index is of no use.
        open: how many sessions wait for a summary.
        waiting: how many actions wait for a grant.
    """

    def __init__(self, store: Store, grace: int) -> None:
        """Read all states of a store.

        Args:
            store: a partition's.
            grace: the setting ``session_grace`` in milliseconds.
        """
        self.store = store
        self.open = 0
        self.waiting = 0
        self._grace = grace
        self._entries: dict[str, Entry] = {}
        self._due: SortedSet[tuple[int, str]] = SortedSet()
        self._forget: SortedSet[tuple[int, str]] = SortedSet()
        states = takewhile(lambda entry: entry[0].startswith(codec.ALL_STATES), stored_from(store, codec.ALL_STATES))
        for key, value in states:
            self.note(codec.parse_key(key).access_key_id, codec.decode_state(value))

    def note(self, access_key_id: str, state: KeyState) -> None:
        """Take note of a key's state, which may be empty."""
        before = self._entries.pop(access_key_id, None)
        if before is not None:
            self._count(before, -1)
            self._due.discard((before.due, access_key_id))
            self._forget.discard((before.forget_at, access_key_id))
        if state.is_empty:
            return
        entry = Entry.of(state, self._grace)
        self._entries[access_key_id] = entry
        self._count(entry, 1)
        if entry.due is not None:
            self._due.add((entry.due, access_key_id))
        if entry.forget_at is not None:
            self._forget.add((entry.forget_at, access_key_id))

    def due(self, now: int) -> Iterator[tuple[str, int]]:
        """The keys with a summary that is due by ``now``, each with when it was, the earliest first."""
        return ((key, due) for due, key in takewhile(lambda found: found[0] <= now, self._due))

    def to_forget(self, now: int) -> Iterator[str]:
        """The keys of which something is to be forgotten by ``now``, the earliest first."""
        return (key for _, key in takewhile(lambda found: found[0] <= now, self._forget))

    def waiting_of(self, access_key_id: str) -> int:
        """How many actions of a key wait for a grant."""
        entry = self._entries.get(access_key_id)
        return 0 if entry is None else entry.waiting

    def waiting_keys(self) -> Iterator[Waiting]:
        """The keys whose actions wait for a grant."""
        for key, entry in self._entries.items():
            if entry.waiting_since is not None:
                yield Waiting(entry.waiting_since, key, entry.waiting)

    def _count(self, entry: Entry, sign: int) -> None:
        self.open += sign * entry.open
        self.waiting += sign * entry.waiting
