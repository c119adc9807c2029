"""The summary of a session, field for field as ``schemas/session_summary.avsc`` has it (S8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.sessions.meaning import words

if TYPE_CHECKING:
    from streams.extraction.sighting import Resource
    from streams.rules.root_sessions import Level, SessionRules
    from streams.sessions.grant import Grant
    from streams.sessions.joining.session import Session
    from streams.sessions.meaning.tally import Count


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What a session did. Only ``revision`` and ``closed_at`` depend on when its actions arrived.

    Attributes:
        session_id: also the key of the topic.
        rule_id: the rule whose sighting opened the session.
        alert_id: the alert that the grant raised; ``None`` if it raised none.
        revision: 0, then one more for each later summary of the session.
        grant: the AssumeRoot call.
        actions: how many calls there were, by source, name and outcome, in this order.
        resources: the distinct resources, in order; the first thousand.
        first_action_at: when the first action happened, in milliseconds since the epoch; ``None`` without actions.
        last_action_at: the same of the last one.
        severity: the highest of the session.
        reason: one sentence.
        cut: what was left out, in order.
        closed_at: when it was written, in milliseconds since the epoch; ``None`` in a backtest.
    """

    session_id: str
    rule_id: str
    alert_id: str | None
    revision: int
    grant: Grant
    actions: tuple[Count, ...]
    resources: tuple[Resource, ...]
    first_action_at: int | None
    last_action_at: int | None
    severity: Level
    reason: str
    cut: tuple[str, ...]
    closed_at: int | None = None


def summarise(session: Session, rules: SessionRules, closed_at: int | None = None) -> SessionSummary:
    """Sum up a session as it is now."""
    tally = session.tally
    return SessionSummary(
        session_id=session.session_id,
        rule_id=session.rule_id,
        alert_id=session.alert_id,
        revision=session.revision,
        grant=session.grant,
        actions=tally.counts,
        resources=tally.resources,
        first_action_at=tally.first,
        last_action_at=tally.last,
        severity=tally.session_severity(rules),
        reason=words.summary_reason(tally, session.grant, rules),
        cut=tuple(sorted({*tally.cut, *(("resources",) if tally.has_more_resources else ())})),
        closed_at=closed_at,
    )
