"""What the report shows of root sessions: each under its alert, and of the others those that did more than read.

It is bounded like the rest of the report. Of a session it shows the most severe actions; its line of time has a mark
per action, or per group of actions that would be drawn on one another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.rules.root_sessions import LEVELS

if TYPE_CHECKING:
    from streams.backtest.following import ReplayedSession
    from streams.rules.root_sessions import Level
    from streams.sessions.meaning.activity import Activity
    from streams.sessions.meaning.summary import SessionSummary

ACTIONS_SHOWN = 20
OTHERS_SHOWN = 50
_POSITIONS = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """One or several actions on the line of time: ``at`` is in per cent of the line, ``severity`` is the highest."""

    at: float
    severity: Level


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as the report shows it. Times are milliseconds since the epoch, UTC.

    Attributes:
        summary: what it did.
        actions: the most severe of its actions, in order of time.
        action_count: how many actions there are.
        start: where the line of time begins: the grant, or an earlier action.
        end: where the line ends: the session's end, or a later action.
        granted_at: where the credentials begin, in per cent of the line.
        expires_at: where they end.
        marks: the actions on the line.
    """

    summary: SessionSummary
    actions: tuple[Activity, ...]
    action_count: int
    start: int
    end: int
    granted_at: float
    expires_at: float
    marks: tuple[Mark, ...]

    @classmethod
    def of(cls, session: ReplayedSession) -> ShownSession:
        """Draw a session."""
        summary, activities = session.summary, session.activities
        times = [activity.event.time for activity in activities]
        start, end = min([summary.grant.time, *times]), max([summary.grant.expires_at, *times])

        def at(time: int) -> float:
            return round(100 * (time - start) / max(1, end - start), 2)

        marks: dict[int, Mark] = {}
        for activity in activities:
            position = round(at(activity.event.time) / 100 * _POSITIONS)
            known = marks.get(position)
            if known is None or _rank(activity.severity) > _rank(known.severity):
                marks[position] = Mark(100 * position / _POSITIONS, activity.severity)
        chosen = sorted(activities, key=lambda activity: -_rank(activity.severity))[:ACTIONS_SHOWN]
        return cls(
            summary,
            tuple(sorted(chosen, key=_order)),
            len(activities),
            start,
            end,
            at(summary.grant.time),
            at(summary.grant.expires_at),
            tuple(mark for _, mark in sorted(marks.items())),
        )


@dataclass(slots=True)
class ShownSessions:
    """Collects what is shown.

    Attributes:
        of_alerts: the sessions of shown alerts, by alert id.
        counts: how many sessions there are, by severity.
        empty: how many of them have no action.
        other_count: how many of the sessions of no shown alert did more than read.
    """

    of_alerts: dict[str, ShownSession] = field(default_factory=dict)
    counts: Counter[Level] = field(default_factory=Counter)
    empty: int = 0
    other_count: int = 0
    _others: list[ShownSession] = field(default_factory=list)

    def add(self, session: ReplayedSession, *, is_of_shown_alert: bool) -> None:
        """Take one session."""
        summary = session.summary
        self.counts[summary.severity] += 1
        self.empty += not session.activities
        if is_of_shown_alert and summary.alert_id is not None:
            self.of_alerts[summary.alert_id] = ShownSession.of(session)
        elif summary.severity != LEVELS[0]:
            self.other_count += 1
            self._others.append(ShownSession.of(session))
            if len(self._others) > 2 * OTHERS_SHOWN:
                self._others = self.others()

    def others(self) -> list[ShownSession]:
        """The first of the sessions of no shown alert that did more than read, the most severe first."""
        return sorted(self._others, key=_importance)[:OTHERS_SHOWN]


def _rank(severity: Level) -> int:
    return LEVELS.index(severity)


def _order(activity: Activity) -> tuple[int, str]:
    return activity.event.time, activity.event.id


def _importance(session: ShownSession) -> tuple[int, int, str]:
    summary = session.summary
    return -_rank(summary.severity), summary.grant.time, summary.session_id
