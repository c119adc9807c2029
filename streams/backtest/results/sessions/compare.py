"""Compares the sessions of a replay with those of the live run: which activity and summaries differ, and in what (S14).

Rules:
- Of a session's summaries the last revision counts (S10). What depends on the run alone is not compared: ``revision``,
  ``closed_at`` and ``detected_at``.
- Live values are compared if their grant lies in the replayed span. What ``--to`` or ``--from`` cuts off is not: an
  action outside, or the summary of a session with such an action.
- A year may hold millions of actions, so only a hash of each field is kept of each.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streams.sessions.meaning.activity import Activity
from streams.sessions.meaning.summary import SessionSummary
from streams.topics.catalogue import topic_names
from streams.wire.sessions.datum import datum
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streams.backtest.following import ReplayedSession
    from streams.backtest.sources.span import Span
    from streams.settings import Settings

_OF_THE_RUN = frozenset(("revision", "closed_at", "detected_at"))
_HASH_BYTES = 8

Kind = Literal["activity", "summary"]
_COMPARED: dict[Kind, tuple[str, ...]] = {
    "activity": tuple(field.name for field in fields(Activity) if field.name not in _OF_THE_RUN),
    "summary": tuple(field.name for field in fields(SessionSummary) if field.name not in _OF_THE_RUN),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept values of an activity or a summary. Times are milliseconds since the epoch, UTC.

    Attributes:
        session_id: its session.
        granted_at: the time of the grant.
        span: the times of the first and the last action that it tells of; ``None`` if it tells of none.
        words: what it is, for a person.
        hashes: a hash of each compared field, in order.
    """

    session_id: str
    granted_at: int
    span: tuple[int, int] | None
    words: str
    hashes: bytes


@dataclass(frozen=True, slots=True)
class SessionDifference:
    """An activity or a summary that only one of the runs has, or that is another in each.

    Attributes:
        side: ``replay`` or ``live`` if only that run has it, else ``both``.
        granted_at: the time of the grant.
        words: what it is.
        why: the reason as far as it can be known, or the fields that differ.
    """

    side: Literal["replay", "live", "both"]
    granted_at: int
    words: str
    why: str

    def __str__(self) -> str:
        beginning = "differs" if self.side == "both" else f"only {self.side}"
        return f"{beginning}: {self.words}: {self.why}"


@dataclass(frozen=True, slots=True)
class Compared:
    """The result for one topic.

    Attributes:
        topic: the topic with the live values.
        in_both: how many activities or summaries are the same in both runs.
        differences: the others, in order of their grants.
    """

    topic: str
    in_both: int
    differences: list[SessionDifference]

    def lines(self) -> Iterator[str]:
        """The result as lines for a person: the counts, then each difference."""
        sides = [difference.side for difference in self.differences]
        yield (
            f"compare      {self.topic}: {self.in_both:,} in both, {sides.count('replay'):,} only in the replay, "
            f"{sides.count('live'):,} only live, {sides.count('both'):,} differ"
        )
        for difference in self.differences:
            yield f"  {difference}"


class SessionTopics(NamedTuple):
    """The topics of a live run's sessions."""

    activity: str
    summaries: str

    @classmethod
    def beside(cls, alerts: str, settings: Settings) -> SessionTopics:
        """Those with the prefix of a topic of alerts; if it has no such name, those of the settings."""
        prefix = alerts.removesuffix(".alerts") if alerts.endswith(".alerts") else settings.topic_prefix
        names = topic_names(settings.model_copy(update={"topic_prefix": prefix}))
        return cls(names.activity, names.session_summaries)


class _Side:
    """What one run has: activity and summaries, each by its id."""

    def __init__(self) -> None:
        self.activity: dict[str, Kept] = {}
        self.summaries: dict[str, Kept] = {}

    def knows(self, session_id: str) -> bool:
        """Whether the run has summed up the session."""
        return session_id in self.summaries


class SessionComparison:
    """Observes the sessions of a replay and compares them with those of the live run."""

    def __init__(
        self,
        topics: SessionTopics,
        live_activity: Iterable[Mapping[str, Any]],
        live_summaries: Iterable[Mapping[str, Any]],
    ) -> None:
        """Compare with these values of the topics, in the order of their partitions."""
        self._topics = topics
        self._live, self._replayed = _Side(), _Side()
        for activity in live_activity:
            self._live.activity.setdefault(activity["activity_id"], _activity(activity))
        revisions: dict[str, int] = {}
        for summary in live_summaries:
            identifier, revision = summary["session_id"], summary["revision"]
            if revisions.get(identifier, -1) < revision:
                revisions[identifier] = revision
                self._live.summaries[identifier] = _summary(summary)

    def on_session(self, session: ReplayedSession) -> None:
        """Take note of one session."""
        for activity in session.activities:
            self._replayed.activity[activity.activity_id] = _activity(datum(activity))
        summary = session.summary
        self._replayed.summaries[summary.session_id] = _summary(datum(summary))

    def compare(self, replayed: Span, given: Span) -> tuple[Compared, Compared]:
        """The results for activity and for summaries.

        Args:
            replayed: the replayed span of the grants.
            given: the span that was asked for, of event time; without bounds if it was none of event time.
        """
        return (
            Compared(self._topics.activity, *self._compare("activity", replayed, given)),
            Compared(self._topics.summaries, *self._compare("summary", replayed, given)),
        )

    def _compare(self, kind: Kind, replayed: Span, given: Span) -> tuple[int, list[SessionDifference]]:
        live, of_replay = self._sides(kind)
        in_both = 0
        found: list[SessionDifference] = []
        for identifier, kept in of_replay.items():
            other = live.get(identifier)
            if other is None:
                found.append(SessionDifference("replay", kept.granted_at, kept.words, self._why_not_live(kind, kept)))
            elif other.hashes == kept.hashes:
                in_both += 1
            elif _is_whole(other, given):
                found.append(SessionDifference("both", kept.granted_at, kept.words, _differing(kind, other, kept)))
        for identifier, kept in live.items():
            if identifier not in of_replay and kept.granted_at in replayed and _is_whole(kept, given):
                found.append(SessionDifference("live", kept.granted_at, kept.words, self._why_not_replayed(kind, kept)))
        return in_both, sorted(found, key=lambda difference: (difference.granted_at, str(difference)))

    def _sides(self, kind: Kind) -> tuple[dict[str, Kept], dict[str, Kept]]:
        if kind == "activity":
            return self._live.activity, self._replayed.activity
        return self._live.summaries, self._replayed.summaries

    def _why_not_live(self, kind: Kind, kept: Kept) -> str:
        if kind == "activity" and self._live.knows(kept.session_id):
            return "live its record was not read, or came too late or as one of too many to be kept"
        return "live the session is not summed up: it is not due yet, or its grant was not read"

    def _why_not_replayed(self, kind: Kind, kept: Kept) -> str:
        if kind == "activity" and self._replayed.knows(kept.session_id):
            return "its record is not in what was replayed"
        return "its grant is not in what was replayed"


def _is_whole(kept: Kept, given: Span) -> bool:
    """Whether everything that a live value tells of lies within the span that was asked for."""
    return kept.span is None or all(time in given for time in kept.span)


def _differing(kind: Kind, live: Kept, replayed: Kept) -> str:
    """The names of the fields that differ."""
    return "in " + ", ".join(
        name
        for number, name in enumerate(_COMPARED[kind])
        if _hash_at(live.hashes, number) != _hash_at(replayed.hashes, number)
    )


def _hash_at(hashes: bytes, number: int) -> bytes:
    return hashes[number * _HASH_BYTES : (number + 1) * _HASH_BYTES]


def _activity(value: Mapping[str, Any]) -> Kept:
    event, grant = value["event"], value["grant"]
    time = event["time"]
    words = (
        f"{to_iso8601(time)} {event['source'].removesuffix('.amazonaws.com')} {event['name']} by "
        f"{grant['principal']} on {grant['member_account']} (event {event['id']}, activity {value['activity_id']})"
    )
    return _kept("activity", value, (time, time), words)


def _summary(value: Mapping[str, Any]) -> Kept:
    grant, first, last = value["grant"], value["first_action_at"], value["last_action_at"]
    words = (
        f"{to_iso8601(grant['time'])} session of {grant['principal']} on {grant['member_account']} "
        f"({value['severity']}: {value['reason']}; session {value['session_id']})"
    )
    return _kept("summary", value, None if first is None or last is None else (first, last), words)


def _kept(kind: Kind, value: Mapping[str, Any], span: tuple[int, int] | None, words: str) -> Kept:
    hashes = b"".join(_hash(value[name]) for name in _COMPARED[kind])
    return Kept(sys.intern(value["session_id"]), value["grant"]["time"], span, words, hashes)


def _hash(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).digest()
