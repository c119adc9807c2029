"""Following sessions: what is remembered of a key and one more item give what to remember and what to send.

Rules:
- A grant and its actions may come in any order, and any number of times (S5, S6). What is sent in the end is the same.
- An action that fits several grants belongs to each. So a joined action is kept whole too, as long as a grant may come.
- A session is forgotten 24 hours after the latest of its end, its grant's and its last action's arrival, but never
  before its summary was written.
- There is no clock here: arrival is the Kafka timestamp of the item.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import structs

from streams.sessions.action import Action
from streams.sessions.grant import Granted
from streams.sessions.joining.forget import forget
from streams.sessions.joining.join import belongs
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import MOST_KEPT, MOST_MARKS, MOST_SESSIONS, Kept, KeyState, Traced
from streams.sessions.meaning.activity import add_action
from streams.sessions.meaning.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.rules.root_sessions import SessionRules
    from streams.sessions.joining.state import Close
    from streams.sessions.meaning.activity import Activity

GRACE = 20 * 60_000
"""How long after its end and its last arrival a session is summed up, in milliseconds, unless set otherwise."""


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """The settings of following.

    Attributes:
        rules: what is known of root sessions.
        grace: how long to wait before a session is summed up, in milliseconds (S9).
    """

    rules: SessionRules
    grace: int = GRACE


def trace(
    state: KeyState,
    item: Granted | Action | Close,
    arrived: int,
    whole: Callable[[int], Action | None],
    trace_settings: TraceSettings,
) -> Traced:
    """Handle one item; pure, so the same arguments give the same.

    Args:
        state: what is remembered of the item's key.
        item: a grant, a candidate action, or a close.
        arrived: when it came, in milliseconds since the epoch.
        whole: gives the stored action of this key with a mark; ``None`` if there is none.
        trace_settings: the settings.
    """
    forgotten = forget(state, arrived)
    match item:
        case Granted():
            traced = _grant(forgotten.state, item, arrived, whole, trace_settings.rules)
        case Action():
            traced = _action(forgotten.state, item, arrived, trace_settings.rules)
        case _:
            traced = _close(forgotten.state, item, trace_settings)
    if not forgotten.remove and not forgotten.dropped:  # nearly always
        return traced
    kept_again = {mark for mark, _ in traced.keep}
    removed = tuple(mark for mark in forgotten.remove if mark not in kept_again)
    return structs.replace(traced, remove=removed + traced.remove, dropped={**forgotten.dropped, **traced.dropped})


def _grant(
    state: KeyState, granted: Granted, arrived: int, whole: Callable[[int], Action | None], rules: SessionRules
) -> Traced:
    for place, known in enumerate(state.sessions):
        if known.is_of(granted):
            told = replace(known, alert_id=known.alert_id or granted.alert_id)
            sessions = (*state.sessions[:place], told, *state.sessions[place + 1 :])
            return Traced(replace(state, sessions=sessions), "repeat")
    if len(state.sessions) >= MOST_SESSIONS:
        return Traced(state, "dropped", dropped={"too-many-grants": 1})
    session = Session.opened(granted, arrived)
    joined: list[tuple[Kept, Action]] = []
    for kept in state.kept:
        action = whole(kept.mark)
        if action is not None and belongs(action, granted.grant):
            joined.append((kept, action))
    joined.sort(key=lambda pair: (pair[1].event.time, pair[1].event_key))
    activities: list[Activity] = []
    for kept, action in joined:
        activity, tally = add_action(session, action, rules)
        activities.append(activity)
        session = replace(session, tally=tally, arrived=max(session.arrived, kept.arrived))
    joined_marks = {kept.mark for kept, _ in joined}
    now_kept = tuple(replace(kept, is_joined=True) if kept.mark in joined_marks else kept for kept in state.kept)
    return Traced(KeyState((*state.sessions, session), state.marks, now_kept), "opened", activities=tuple(activities))


def _action(state: KeyState, action: Action, arrived: int, rules: SessionRules) -> Traced:
    if not set(action.marks).isdisjoint(state.marks):
        marks = _marked(state.marks, action)
        # The stored action too, as a kill may have left it in the store alone.
        is_kept = any(kept.mark == action.marks[0] for kept in state.kept)
        return Traced(replace(state, marks=marks), "repeat", keep=((action.marks[0], action),) if is_kept else ())
    sessions: list[Session] = []
    activities: list[Activity] = []
    for session in state.sessions:
        if not belongs(action, session.grant):
            sessions.append(session)
            continue
        activity, tally = add_action(session, action, rules)
        activities.append(activity)
        sessions.append(replace(session, tally=tally, arrived=max(session.arrived, arrived), is_open=True))
    is_joined = bool(activities)
    kept, evicted = _with_room(state.kept, Kept(action.marks, arrived, is_joined))
    is_kept = len(kept) > 0 and kept[-1].marks == action.marks
    if not is_joined and not is_kept:
        return Traced(state, "dropped", dropped={"key-full": 1})
    return Traced(
        KeyState(tuple(sessions), _marked(state.marks, action), kept),
        "joined" if is_joined else "waiting",
        activities=tuple(activities),
        keep=((action.marks[0], action),) if is_kept else (),
        remove=evicted,
    )


def _with_room(kept: tuple[Kept, ...], new: Kept) -> tuple[tuple[Kept, ...], tuple[int, ...]]:
    """The actions to keep whole with a new one, if there is room for it, and the mark of the one that gives way to it.

    One that still waits for its grant may take the room of one that has joined.
    """
    if len(kept) < MOST_KEPT:
        return (*kept, new), ()
    place = None if new.is_joined else next((place for place, one in enumerate(kept) if one.is_joined), None)
    if place is None:
        return kept, ()
    return (*kept[:place], *kept[place + 1 :], new), (kept[place].mark,)


def _marked(marks: tuple[int, ...], action: Action) -> tuple[int, ...]:
    new = tuple(mark for mark in action.marks if mark not in marks)
    return (*marks, *new)[-MOST_MARKS:] if new else marks


def _close(state: KeyState, close: Close, trace_settings: TraceSettings) -> Traced:
    sessions: list[Session] = []
    summaries = []
    for session in state.sessions:
        due = session.due(trace_settings.grace)
        if due is None or due > close.at:
            sessions.append(session)
            continue
        summaries.append(summarise(session, trace_settings.rules, close.at))
        sessions.append(replace(session, revision=session.revision + 1, is_open=False))
    return Traced(
        replace(state, sessions=tuple(sessions)), "closed" if summaries else "not-due", summaries=tuple(summaries)
    )
