"""Follows root sessions in a replay, whatever their number, in bounded memory (S14).

Grants and actions are sorted by access key id, so that one key at a time is joined. There is no arrival in a replay: a
session has all actions that belong to it, however late they were, and one summary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol, Self

from streams.backtest.order import Sorter
from streams.sessions.grant import grant_of
from streams.sessions.joining.join import belongs
from streams.sessions.joining.session import Session
from streams.sessions.meaning.activity import add_action
from streams.sessions.meaning.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision
    from streams.rules.root_sessions import SessionRules
    from streams.sessions.action import Action
    from streams.sessions.grant import Granted
    from streams.sessions.meaning.activity import Activity
    from streams.sessions.meaning.summary import SessionSummary


@dataclass(frozen=True, slots=True)
class ReplayedSession:
    """A session of a replay.

    Attributes:
        summary: what it did.
        activities: each of its actions, in order of time and event id.
    """

    summary: SessionSummary
    activities: Sequence[Activity]


class SessionObserver(Protocol):
    """Is told of every session, in no order."""

    def on_session(self, session: ReplayedSession) -> None:
        """Take note of one session."""


class Following:
    """Takes grants and actions in any order, and joins them. Use it as a context."""

    def __init__(self, rule_ids: Collection[str], rules: SessionRules) -> None:
        """Follow the sessions of the sightings of these rules, by what is known of root sessions."""
        self._rule_ids = rule_ids
        self._rules = rules
        self._grants: Sorter[Granted] = Sorter(_grant_order)
        self._actions: Sorter[Action] = Sorter(_action_order, size=_action_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sorter in (self._grants, self._actions):
            sorter.__exit__()

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take the grant of a sighting, whatever was decided of it; ``OutputError`` if the disk is full."""
        if sighting.rule_id not in self._rule_ids:
            return
        granted = grant_of(sighting, sighting.rule_id, decision.alert_id)
        if granted is not None:
            self._grants.add((granted,))

    def add_actions(self, actions: Iterable[Action]) -> None:
        """Take actions; ``OutputError`` if the disk is full."""
        self._actions.add(actions)

    def tell(self, observers: Sequence[SessionObserver]) -> None:
        """Tell the observers of all sessions; nothing may be added afterwards.

        Raises:
            OutputError: the temporary files cannot be written, or an observer cannot write.
        """
        for session in self._sessions():
            for observer in observers:
                observer.on_session(session)

    def _sessions(self) -> Iterator[ReplayedSession]:
        by_key = attrgetter("access_key_id")
        actions = groupby(self._actions.sorted(), by_key)
        current: tuple[str, Iterable[Action]] | None = next(actions, None)
        for key, grants in groupby(self._grants.sorted(), by_key):
            while current is not None and current[0] < key:
                current = next(actions, None)
            of_key = list(_distinct(current[1])) if current is not None and current[0] == key else []
            for session in _opened(grants):
                yield self._joined(session, of_key)

    def _joined(self, session: Session, actions: list[Action]) -> ReplayedSession:
        activities: list[Activity] = []
        for action in actions:
            if belongs(action, session.grant):
                activity, tally = add_action(session, action, self._rules)
                session = replace(session, tally=tally)
                activities.append(activity)
        return ReplayedSession(summarise(session, self._rules), activities)


def _opened(grants: Iterable[Granted]) -> Iterator[Session]:
    """The sessions of a key's grants; of a grant that comes several times, the first one with an alert stands."""
    sessions: dict[str, Session] = {}
    for granted in grants:
        session = Session.opened(granted, granted.grant.time)
        known = sessions.setdefault(session.session_id, session)
        if known.alert_id is None and granted.alert_id is not None:
            sessions[session.session_id] = replace(known, alert_id=granted.alert_id)
    yield from sessions.values()


def _distinct(actions: Iterable[Action]) -> Iterator[Action]:
    """The actions of a key without repeats (S6); of the copies of an event the first stands."""
    seen: set[int] = set()
    for action in actions:
        if seen.isdisjoint(action.marks):
            yield action
        seen.update(action.marks)


def _grant_order(granted: Granted) -> tuple[str, int, str, str]:
    return granted.access_key_id, granted.grant.time, granted.grant.event_id, repr(granted)


def _action_order(action: Action) -> tuple[str, int, str, str]:
    return action.access_key_id, action.event.time, action.event.id, repr(action)


def _action_size(action: Action) -> int:
    return len(action.event.request_parameters or "")
