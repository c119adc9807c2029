"""One partition of the root sessions' table as one batch sees it: what RocksDB holds, and what the batch changes.

The rules:

* Per key, whole actions go to the changelog before the state that names them, and so do their deletions. Whole actions
  that are deleted follow the state before them: a repeat after a kill finds every action that its state names (A2).
  A kill between a state and its deletions leaves actions that no state names. They have no effect, and stay.
* What was read stays here for the batch.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streams.sessions.joining.state import KeyState
from streams.wire.sessions import state as codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.sessions.action import Action
    from streams.sessions.joining.state import Drop, Traced
    from streams.worker.state.entries import Store


class SessionPartition:
    """The store, and over it what the batch has changed.

    Attributes:
        dropped: how many actions the batch has dropped, by the reason.
    """

    def __init__(self, number: int, store: Store, offset_key: bytes) -> None:
        self.number = number
        self.store = store
        # Under this key Faust looks for the changelog offset that the store has reached.
        self.offset_key = offset_key
        self.dropped: Counter[Drop] = Counter()
        self._states: dict[str, KeyState] = {}
        self._actions: dict[tuple[str, int], Action | None] = {}
        self._unwritten: dict[str, None] = {}  # the keys whose state is still to be written, in order
        self._changes: list[tuple[bytes, bytes | None]] = []

    def state(self, access_key_id: str) -> KeyState:
        """Return what is remembered of a key."""
        if access_key_id not in self._states:
            value = self.store.get(codec.state_key(access_key_id))
            self._states[access_key_id] = KeyState() if value is None else codec.decode_state(value)
        return self._states[access_key_id]

    def whole(self, access_key_id: str) -> Callable[[int], Action | None]:
        """Return what gives the stored action of a key by its mark."""

        def action(mark: int) -> Action | None:
            if (access_key_id, mark) in self._actions:
                return self._actions[access_key_id, mark]
            value = self.store.get(codec.action_key(access_key_id, mark))
            return None if value is None else codec.decode_action(value)

        return action

    def remember(self, access_key_id: str, traced: Traced) -> None:
        """Keep what an item has led to."""
        self.dropped.update(traced.dropped)
        for mark, action in traced.keep:
            self._actions[access_key_id, mark] = action
            self._changes.append((codec.action_key(access_key_id, mark), codec.encode_action(action)))
        if traced.remove:
            self._states[access_key_id] = traced.state
            self._write(access_key_id)
            for mark in traced.remove:
                self._actions[access_key_id, mark] = None
                self._changes.append((codec.action_key(access_key_id, mark), None))
            return
        self._states[access_key_id] = traced.state
        self._unwritten[access_key_id] = None

    def changed(self) -> Iterator[tuple[str, KeyState]]:
        """The keys that the batch has touched, each with its state."""
        return iter(self._states.items())

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What the batch has changed, in the order of the changelog; ``None`` deletes."""
        for access_key_id in list(self._unwritten):
            self._write(access_key_id)
        return self._changes

    def _write(self, access_key_id: str) -> None:
        state = self._states[access_key_id]
        value = None if state.is_empty else codec.encode_state(state)
        self._changes.append((codec.state_key(access_key_id), value))
        self._unwritten.pop(access_key_id, None)
