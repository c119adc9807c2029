"""Puts what is published of root sessions together again: alert, grant, activity and summary of each session.

All values are dicts with every field of their schema. They may come in any order, and each may come twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.sessions.grant import Grant, is_temporary, session_end
from streams.sessions.session_id import session_id
from streams.wire.sessions.datum import datum

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class ToldSession:
    """All that is published of one session.

    Attributes:
        session_id: its id; ``None`` if the alert's call issued no key that a session could be followed by.
        grant: the AssumeRoot call, with the fields of the schema's ``Grant``; ``None`` without a session.
        alert: the alert that the call raised.
        is_overflow: whether the alert was above the cap.
        activities: the actions by activity id.
        summary: the last one (S10).
    """

    session_id: str | None
    grant: Mapping[str, Any] | None
    alert: Mapping[str, Any] | None = None
    is_overflow: bool = False
    activities: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    summary: Mapping[str, Any] | None = None

    def ordered(self) -> list[Mapping[str, Any]]:
        """The actions in order of time."""
        return sorted(self.activities.values(), key=lambda one: (one["event"]["time"], one["event"]["id"]))


class Told:
    """Takes alerts, activity and summaries, and tells the sessions that they are of."""

    def __init__(self) -> None:
        self._sessions: dict[str, ToldSession] = {}
        self._alerts: dict[str, tuple[Mapping[str, Any], bool]] = {}
        self._named: dict[str, str] = {}  # the alerts that sessions name, each with its session

    @property
    def session_ids(self) -> set[str]:
        """The ids of all sessions so far, also of those of which only an alert is known."""
        opened = (session_of(alert) for alert, _ in self._alerts.values())
        return self._sessions.keys() | {found[0] for found in opened if found is not None}

    @property
    def missing_alerts(self) -> set[str]:
        """The ids of alerts that sessions name and that were not added."""
        return self._named.keys() - self._alerts.keys()

    def add_alert(self, alert: Mapping[str, Any], *, is_overflow: bool = False) -> None:
        """Take an alert; a repeat is no news."""
        self._alerts.setdefault(alert["alert_id"], (alert, is_overflow))

    def add_activity(self, activity: Mapping[str, Any]) -> None:
        """Take an action; a repeat is no news."""
        self._session(activity).activities.setdefault(activity["activity_id"], activity)

    def add_summary(self, summary: Mapping[str, Any]) -> None:
        """Take a summary; only the last revision is kept."""
        session = self._session(summary)
        if session.summary is None or session.summary["revision"] <= summary["revision"]:
            session.summary = summary

    def sessions(self) -> list[ToldSession]:
        """The sessions in order of their grants, then the alerts without one."""
        without = []
        for alert_id, (alert, is_overflow) in self._alerts.items():
            session = self._opened_by(alert, alert_id)
            session.alert, session.is_overflow = alert, is_overflow
            if session.session_id is None:
                without.append(session)
        return sorted(self._sessions.values(), key=_order) + without

    def _opened_by(self, alert: Mapping[str, Any], alert_id: str) -> ToldSession:
        if (named := self._named.get(alert_id)) is not None:
            return self._sessions[named]
        if (opened := session_of(alert)) is None:
            return ToldSession(None, None)
        identifier, grant = opened
        return self._sessions.setdefault(identifier, ToldSession(identifier, datum(grant)))

    def _session(self, value: Mapping[str, Any]) -> ToldSession:
        identifier = value["session_id"]
        if value["alert_id"] is not None:
            self._named[value["alert_id"]] = identifier
        return self._sessions.setdefault(identifier, ToldSession(identifier, value["grant"]))


def session_of(alert: Mapping[str, Any]) -> tuple[str, Grant] | None:
    """Id and grant of the session that an alert's call opens; ``None`` if it issued no key to follow (S4)."""
    event = alert["event"]
    key = event["issued_access_key_id"]
    if not is_temporary(key):
        return None
    grant = Grant(
        event_id=event["id"],
        time=event["time"],
        expires_at=session_end(event["time"], event["issued_expires_at"], event["duration_seconds"]),
        principal=alert["principal"]["arn"],
        member_account=alert["member_account"]["id"],
        issued_access_key_id=key,
        task_policy=event["task_policy"],
        source_ip=event["source_ip"],
    )
    return session_id(alert["rule"]["id"], grant), grant


def _order(session: ToldSession) -> tuple[int, str]:
    return (session.grant or {"time": 0})["time"], session.session_id or ""
