"""Finds root sessions on the topics for readers, by their alert, their access key or their own id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streams.kafka.readers.published import PublishedReader, Source, UnreadableValue
from streams.wire.alert import read_alert
from streams.wire.sessions.published import ACTIVITY, SUMMARY
from streams.wire.sessions.told import Told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from streams.settings import Settings
    from streams.wire.sessions.told import ToldSession


class Topics(Protocol):
    """The names of the topics for readers."""

    @property
    def alerts(self) -> str:
        """Alerts."""

    @property
    def overflow(self) -> str:
        """Alerts above the cap."""

    @property
    def activity(self) -> str:
        """What was done, one record per action."""

    @property
    def session_summaries(self) -> str:
        """What each session did."""


@dataclass(frozen=True, slots=True)
class Found:
    """The sessions that were found, and the values that might be of them and cannot be read."""

    sessions: list[ToldSession]
    unreadable: list[UnreadableValue]


def find_sessions(settings: Settings, topics: Topics, wanted: str) -> Found:
    """The sessions of an alert, of an access key that was issued, or with a session id; none if nothing is known of it.

    Each topic is read whole. Only values that hold one of the ids are decoded.

    Raises:
        SourceError: the cluster cannot be reached or refuses, or there is no alert topic.
        OperatorError: the registry cannot be reached or refuses.
    """
    with PublishedReader(settings) as reader:
        search = _Search(reader, topics)
        search.alerts({wanted})
        search.summaries({wanted} | search.told.session_ids)
        search.activity({wanted} | search.told.session_ids)
        if missing := search.told.missing_alerts:
            search.alerts(missing)
        return Found(search.told.sessions(), search.unreadable)


class _Search:
    """Reads what holds the wanted ids."""

    def __init__(self, reader: PublishedReader, topics: Topics) -> None:
        self.told = Told()
        self.unreadable: list[UnreadableValue] = []
        self._reader = reader
        self._topics = topics

    def alerts(self, ids: Collection[str]) -> None:
        """Read alerts with one of these ids, or that issued a key with one."""
        for topic, is_overflow in ((self._topics.alerts, False), (self._topics.overflow, True)):
            for alert in self._read(Source(topic, read_alert), ids, may_be_missing=is_overflow):
                if {alert["alert_id"], alert["event"]["issued_access_key_id"]}.intersection(ids):
                    self.told.add_alert(alert, is_overflow=is_overflow)

    def summaries(self, ids: Collection[str]) -> None:
        """Read summaries of sessions with one of these ids, of session, alert or key."""
        for summary in self._read(Source(self._topics.session_summaries, SUMMARY.read), ids):
            if _is_of(summary, ids):
                self.told.add_summary(summary)

    def activity(self, ids: Collection[str]) -> None:
        """Read the actions of sessions with one of these ids, of session, alert or key."""
        for activity in self._read(Source(self._topics.activity, ACTIVITY.read), ids):
            if _is_of(activity, ids):
                self.told.add_activity(activity)

    def _read(self, source: Source, ids: Collection[str], *, may_be_missing: bool = True) -> Iterator[dict[str, Any]]:
        spans = self._reader.spans(source.topic, may_be_missing=may_be_missing)
        for value in self._reader.read(source, spans, holding=ids):
            if isinstance(value, UnreadableValue):
                self.unreadable.append(value)
            else:
                yield value


def _is_of(value: dict[str, Any], ids: Collection[str]) -> bool:
    named = {value["session_id"], value["alert_id"], value["grant"]["issued_access_key_id"]}
    return not named.isdisjoint(ids)
