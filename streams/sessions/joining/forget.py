"""What is forgotten, and when: actions without a grant, sessions long closed, and what is too much to keep (S5)."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.sessions.joining.state import MOST_WAITING, KeyState, Traced

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.sessions.joining.session import Session
    from streams.sessions.joining.state import Drop, Kept


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """How many actions of a key wait for a grant, and since when, in milliseconds since the epoch."""

    since: int
    access_key_id: str
    count: int


def forget(state: KeyState, now: int) -> Traced:
    """Forget what is over at ``now``, in milliseconds since the epoch.

    Whether it is called or not makes no difference to what later items lead to: ``trace`` begins with it.
    """
    forget_at = state.forget_at
    if forget_at is None or now < forget_at:
        return Traced(state, "forgotten")
    sessions = tuple(one for one in state.sessions if one.is_open or now <= one.forgotten_after)
    over = tuple(kept for kept in state.kept if now > kept.waits_until)
    return _without(state, sessions, over, "no-grant")


def drop_waiting(state: KeyState) -> Traced:
    """Drop the actions that wait for a grant, because the partition has too many."""
    return _without(state, state.sessions, tuple(one for one in state.kept if not one.is_joined), "partition-full")


def keys_to_drop(waiting: Iterable[Waiting], bound: int = MOST_WAITING) -> list[str]:
    """The keys whose waiting actions are to be dropped so that no more than ``bound`` wait, the oldest key first."""
    oldest = list(waiting)
    excess = sum(one.count for one in oldest) - bound
    if excess <= 0:
        return []
    heapq.heapify(oldest)
    keys = []
    while excess > 0 and oldest:
        key = heapq.heappop(oldest)
        keys.append(key.access_key_id)
        excess -= key.count
    return keys


def _without(state: KeyState, sessions: tuple[Session, ...], over: tuple[Kept, ...], reason: Drop) -> Traced:
    """The state with these sessions alone and without these actions."""
    gone = {kept.mark for kept in over}
    kept = tuple(one for one in state.kept if one.mark not in gone)
    if sessions:
        # An event that was counted in a session is remembered as long as the session.
        unseen = {mark for one in over if not one.is_joined for mark in one.marks}
        marks = tuple(mark for mark in state.marks if mark not in unseen)
    else:
        marks = tuple(mark for one in kept for mark in one.marks)
    never_joined = sum(not one.is_joined for one in over)
    return Traced(
        KeyState(sessions, marks, kept),
        "forgotten",
        remove=tuple(one.mark for one in over),
        dropped={reason: never_joined} if never_joined else {},
    )
