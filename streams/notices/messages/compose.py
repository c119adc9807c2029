"""Which records of the topics are told, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streams.notices.messages.alert import alert_notice
from streams.notices.messages.notice import Runbook, Threshold
from streams.notices.messages.overflow import OverflowsTold, overflow_notice
from streams.notices.messages.session import session_notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.notices.messages.notice import Notice
    from streams.topics.catalogue import TopicNames


class Choice(NamedTuple):
    """What is told.

    Attributes:
        threshold: what a notice must reach.
        runbook: the link of each notice.
        sessions: whether summaries of sessions are told as well.
    """

    threshold: Threshold = Threshold()
    runbook: Runbook = Runbook()
    sessions: bool = True


class Composer:
    """Makes notices of the records of the alert, overflow and summary topics.

    Args:
        names: the topics' names.
        choice: what is told.
    """

    def __init__(self, names: TopicNames, choice: Choice) -> None:
        self._names = names
        self._choice = choice
        self._overflows = OverflowsTold()

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to read."""
        names = self._names
        return names.alerts, names.overflow, *((names.session_summaries,) if self._choice.sessions else ())

    def notice(self, topic: str, value: Mapping[str, Any], record: object) -> Notice | None:
        """The notice of a record; ``None`` if nobody is told.

        Args:
            topic: where it was read.
            value: the decoded value.
            record: where it was read to the record, to know it again.
        """
        choice = self._choice
        if topic == self._names.session_summaries:
            return session_notice(value, choice.runbook, choice.threshold)
        if not choice.threshold.passes(value["rule"]["severity"], value["rule"]["risk_score"]):
            return None
        if topic == self._names.alerts:
            return alert_notice(value, choice.runbook)
        notice = overflow_notice(value, topic, choice.runbook)
        return notice if self._overflows.is_news(notice.key, record) else None
