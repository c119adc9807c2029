"""A batch sees the store and what it has changed; any prefix of its changes leaves a table that it can go on from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import Store
from root_sessions import DAY, GRANTED_AT, HOUR, MINUTE, SETTINGS, action, granted

from streams.sessions.joining.forget import drop_waiting, forget
from streams.sessions.joining.state import Close, KeyState
from streams.sessions.joining.trace import trace
from streams.wire.sessions import state as codec
from streams.worker.state.sessions.partition import SessionPartition

if TYPE_CHECKING:
    from streams.sessions.action import Action
    from streams.sessions.joining.state import Traced
    from streams.worker.agents.sessions.trace import Item

KEYS = ["ASIA0", "ASIA1"]
ARRIVED = GRANTED_AT + HOUR


class Model:
    """What a table holds: the states and whole actions in two dicts."""

    def __init__(self) -> None:
        self.states: dict[str, KeyState] = {}
        self.actions: dict[tuple[str, int], Action] = {}

    def state(self, key: str) -> KeyState:
        """A key's state."""
        return self.states.get(key, KeyState())

    def remember(self, key: str, traced: Traced) -> None:
        """Keep what an item has led to."""
        for mark, kept in traced.keep:
            self.actions[key, mark] = kept
        for mark in traced.remove:
            self.actions.pop((key, mark), None)
        if traced.state.is_empty:
            self.states.pop(key, None)
        else:
            self.states[key] = traced.state

    def entries(self) -> dict[bytes, bytes]:
        """The table's entries."""
        states = {codec.state_key(key): codec.encode_state(state) for key, state in self.states.items()}
        return states | {codec.action_key(*where): codec.encode_action(kept) for where, kept in self.actions.items()}


Step = tuple[str, str, int, int]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(["grant", "action", "action", "action", "close", "forget", "drop"]),
        st.sampled_from(KEYS),
        st.integers(0, 3),
        st.sampled_from([0, MINUTE, 2 * DAY]),
    ),
    max_size=12,
)


def step(  # noqa: PLR0913, PLR0917  what a step is
    model: Model, view: SessionPartition, kind: str, key: str, number: int, arrived: int
) -> None:
    """Let both do one thing, and compare what they see."""
    assert view.state(key) == model.state(key)
    whole = view.whole(key)
    match kind:
        case "forget":
            traced = forget(view.state(key), arrived)
        case "drop":
            traced = drop_waiting(view.state(key))
        case _:
            items: dict[str, Item] = {
                "grant": granted(issued_access_key_id=key, event_id=f"grant-{number % 2}"),
                "close": Close(key, arrived, arrived),
                "action": replace(action(id=f"event-{number}"), access_key_id=key),
            }
            traced = trace(view.state(key), items[kind], arrived, whole, SETTINGS)
    for kept in view.state(key).kept:
        assert whole(kept.mark) == model.actions[key, kept.mark]
    view.remember(key, traced)
    model.remember(key, traced)


@settings(deadline=None, max_examples=300)
@given(STEPS, STEPS)
def test_batches_over_a_store_are_a_dict(first: list[Step], second: list[Step]) -> None:
    """A batch reads its own changes over the store's, and in the end the store holds what a dict would."""
    model, store = Model(), Store()
    arrived = ARRIVED
    for batch in (first, second):
        view = SessionPartition(0, store, b"offset")  # type: ignore[arg-type]  it writes nothing
        for kind, key, number, passed in batch:
            arrived += passed
            step(model, view, kind, key, number, arrived)
        assert dict(view.changed()) == {key: model.state(key) for key, _ in view.changed()}
        write(store, view.changes())
        assert store.entries == model.entries()


@settings(deadline=None, max_examples=300)
@given(STEPS, STEPS)
def test_any_prefix_of_the_changes_stores_what_its_states_name(first: list[Step], second: list[Step]) -> None:
    """A2: a kill between two records of the changelog leaves no state that names an action that is not stored."""
    model, store = Model(), Store()
    arrived = ARRIVED
    for batch in (first, second):
        view = SessionPartition(0, store, b"offset")  # type: ignore[arg-type]  it writes nothing
        for kind, key, number, passed in batch:
            arrived += passed
            step(model, view, kind, key, number, arrived)
        for change in view.changes():
            write(store, [change])
            for key in KEYS:
                value = store.get(codec.state_key(key))
                for kept in codec.decode_state(value).kept if value else ():
                    assert store.get(codec.action_key(key, kept.mark)) is not None


def write(store: Store, changes: list[tuple[bytes, bytes | None]]) -> None:
    """Write changes to the store."""
    for key, value in changes:
        if value is None:
            store.entries.pop(key, None)
        else:
            store.entries[key] = value
