"""What is remembered of one access key id, and what handling an item changes.

Actions that are kept whole are no part of this state. Each is stored by itself, by its mark, and is read only when a
grant comes after it. So the state stays small, and handling an action writes two small values, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.sessions.action import Action
    from streams.sessions.joining.session import Session
    from streams.sessions.meaning.activity import Activity
    from streams.sessions.meaning.summary import SessionSummary

WAIT = 86_400_000
"""How long an action waits for a grant by arrival, in milliseconds (S5)."""

MOST_KEPT = 1_000
"""How many actions of one key are kept whole; further ones are counted only."""

MOST_WAITING = 100_000
"""How many actions of one partition may wait for a grant."""

MOST_MARKS = 10_000
"""How many events of one key are remembered, so that each counts once (S6)."""

MOST_SESSIONS = 100
"""How many sessions of one key are remembered. AWS gives a key to one; more share it only where key ids are masked."""

Outcome = Literal["opened", "joined", "waiting", "repeat", "dropped", "closed", "not-due", "forgotten"]
Drop = Literal["no-grant", "key-full", "partition-full", "too-many-grants"]


@dataclass(frozen=True, slots=True)
class Close:
    """Asks for the summaries that are due.

    Attributes:
        access_key_id: also the key of the sessions topic.
        due: the time that was found due, in milliseconds since the epoch.
        at: when it was found.
    """

    access_key_id: str
    due: int
    at: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An action that is kept whole, because its grant, or another one, may still come.

    Attributes:
        marks: those of the action; it is stored by the first one.
        arrived: when it came, in milliseconds since the epoch.
        is_joined: whether it belongs to a session already.
    """

    marks: tuple[int, ...]
    arrived: int
    is_joined: bool

    @property
    def mark(self) -> int:
        """The mark by which the action is stored."""
        return self.marks[0]

    @property
    def waits_until(self) -> int:
        """The last moment at which it is kept."""
        return self.arrived + WAIT


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is remembered of one access key id.

    Attributes:
        sessions: its sessions, in order of arrival: nearly always one.
        marks: of the events that count or wait, in order of arrival.
        kept: the actions that are kept whole, in order of arrival.
    """

    sessions: tuple[Session, ...] = ()
    marks: tuple[int, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember: the table then has no entry."""
        return not self.sessions and not self.kept

    @property
    def waiting(self) -> int:
        """How many actions wait for a grant."""
        return sum([not kept.is_joined for kept in self.kept])

    @property
    def waiting_since(self) -> int | None:
        """When the first of those that wait arrived; ``None`` if none does."""
        return min([kept.arrived for kept in self.kept if not kept.is_joined], default=None)

    def due(self, grace: int) -> int | None:
        """When the first summary is due; ``None`` if none is to come."""
        return min([due for session in self.sessions if (due := session.due(grace)) is not None], default=None)

    @property
    def forget_at(self) -> int | None:
        """The first moment at which something of this is to be forgotten; ``None`` if a summary must come first."""
        ends = [session.forgotten_after + 1 for session in self.sessions if not session.is_open]
        ends += [kept.waits_until + 1 for kept in self.kept]
        return min(ends, default=None)


class Traced(Struct, frozen=True):
    """What one item leads to.

    The shell sends ``activities`` and ``summaries`` and waits until they are acknowledged. Then it writes ``keep``,
    then ``state``, and deletes ``remove`` last (A2). Killed after any of these, it gets the item again, and comes to
    the same. It writes the state also if nothing has changed: a kill may have left it in the store alone.

    Attributes:
        state: what to remember; to be deleted if it is empty.
        outcome: what became of the item, to be counted by.
        activities: what joined, in order of time.
        summaries: the sessions that were closed.
        keep: whole actions to store, by their marks.
        remove: the marks of stored actions to delete.
        dropped: how many actions will never join, and how many grants open no session, by the reason.
    """

    state: KeyState
    outcome: Outcome
    activities: tuple[Activity, ...] = ()
    summaries: tuple[SessionSummary, ...] = ()
    keep: tuple[tuple[int, Action], ...] = ()
    remove: tuple[int, ...] = ()
    dropped: Mapping[Drop, int] = field(default_factory=dict)
