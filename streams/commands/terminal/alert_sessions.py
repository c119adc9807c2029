"""Which session belongs to which alert, however the two topics are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class AlertSessions:
    """The last summary of each alert's session (S10), and the alerts that were shown.

    An alert has one session, because both ids are made of the same call. Sessions without an alert are not kept.
    """

    def __init__(self) -> None:
        self.summaries: dict[str, Mapping[str, Any]] = {}
        self._shown: set[str] = set()

    def add(self, summary: Mapping[str, Any]) -> bool:
        """Take a summary. Returns whether it is news for an alert that was shown before."""
        alert_id = summary["alert_id"]
        if alert_id is None:
            return False
        known = self.summaries.get(alert_id)
        if known is not None and known["revision"] >= summary["revision"]:
            return False
        self.summaries[alert_id] = summary
        return alert_id in self._shown

    def show(self, alert_id: str) -> Mapping[str, Any] | None:
        """Note that an alert is shown. Returns the last summary of its session."""
        self._shown.add(alert_id)
        return self.summaries.get(alert_id)
