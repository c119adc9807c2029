"""Activity: one action of a session with what it means, field for field as ``schemas/activity.avsc`` has it (S7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.sessions.meaning import words
from streams.sessions.meaning.judgement import judge
from streams.sessions.session_id import activity_id

if TYPE_CHECKING:
    from streams.rules.root_sessions import Kind, Level, Outcome, SessionRules
    from streams.sessions.action import Action, ActionEvent
    from streams.sessions.grant import Grant
    from streams.sessions.joining.session import Session
    from streams.sessions.meaning.tally import Tally


@dataclass(frozen=True, slots=True)
class Activity:
    """One action of a session. Times are milliseconds since the epoch, UTC.

    Attributes:
        activity_id: the same for every copy of the event; drop repeats by it.
        session_id: also the key of the topic.
        rule_id: the rule whose sighting opened the session.
        alert_id: the alert that the grant raised; ``None`` if it raised none.
        grant: the AssumeRoot call.
        event: the action.
        outcome: as in ``Judgement``, and so are ``kind`` to ``severity``.
        reason: one sentence.
        cut: the names of the fields of ``event`` that were too long.
        detected_at: when the worker joined it, by its own clock; ``None`` in a backtest.
    """

    activity_id: str
    session_id: str
    rule_id: str
    alert_id: str | None
    grant: Grant
    event: ActionEvent
    outcome: Outcome
    kind: Kind
    within_task: bool | None
    after_end: bool
    same_source_ip: bool | None
    severity: Level
    reason: str
    cut: tuple[str, ...] = ()
    detected_at: int | None = None


def add_action(session: Session, action: Action, rules: SessionRules) -> tuple[Activity, Tally]:
    """The activity that an action is in the session, and the session's tally with it."""
    judgement = judge(action, session.grant, rules)
    done = words.deed(action, judgement, rules)
    identifier = session.session_id
    activity = Activity(
        activity_id=activity_id(identifier, action),
        session_id=identifier,
        rule_id=session.rule_id,
        alert_id=session.alert_id,
        grant=session.grant,
        event=action.event,
        outcome=judgement.outcome,
        kind=judgement.kind,
        within_task=judgement.within_task,
        after_end=judgement.after_end,
        same_source_ip=judgement.same_source_ip,
        severity=judgement.severity,
        reason=words.activity_reason(done, action, judgement, session.grant),
        cut=action.cut,
    )
    return activity, session.tally.add(action, judgement, done)
