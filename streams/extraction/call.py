"""The record of a call that some rule takes. What several rules need of it is read once, and only if one needs it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.content import json_text
from streams.extraction import details
from streams.extraction.event_time import parse_time
from streams.extraction.kafka_time import explain_odd_timestamp
from streams.fields.catalogue import field_named
from streams.fields.terms import account_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.extraction.extract import ExtractSettings
    from streams.extraction.sighting import Event, Identity, Origin
    from streams.fields.terms import AccountSource
    from streams.fields.view import RecordView

_DAY = 86_400_000
_PRINCIPAL = field_named("rootwatch.principal")


class Shared(Struct, frozen=True, gc=False):
    """What all sightings of a call share.

    Attributes:
        text: the source as canonical JSON text.
        principal: T3; ``None`` if the record has none.
        identity: the recorded identity.
        event: the details of the call; its time is 0 if none is readable, and then nothing comes of it.
    """

    text: str
    principal: str | None
    identity: Identity
    event: Event


class RedactedRecord(Struct, frozen=True, gc=False):
    """A record without session tokens (T7).

    Attributes:
        fields: the record under CloudTrail's names.
        source: the element as it arrived.
        view: the view of both.
        is_changed: whether anything in the source was replaced.
        written: what orjson writes for the source, with sorted keys; ``None`` if it has not been written.
    """

    fields: Mapping[str, Any]
    source: Mapping[str, Any]
    view: RecordView
    is_changed: bool
    written: bytes | None = None


class CallTime(Struct, frozen=True, gc=False):
    """When a call was.

    Attributes:
        event: the event time in milliseconds since the epoch; ``None`` if it is not readable.
        problems: why the call has no time that a sighting can have, in words; nothing if it has one (T5).
        by_clock: the time of its sightings by the clock of the settings (M4); it counts only without problems.
    """

    event: int | None
    problems: tuple[str, ...]
    by_clock: int


def time_of(fields: Mapping[str, Any], extract_settings: ExtractSettings, origin: Origin | None) -> CallTime:
    """Return when a call was. A time that can be read holds no token, so the record need not be redacted."""
    time = parse_time(fields.get("eventTime"))
    if extract_settings.clock == "event" or origin is None or not origin.has_timestamp:
        return CallTime(time, _time_problems(time, extract_settings, origin), time or 0)
    return CallTime(time, _time_problems(time, extract_settings, origin), origin.timestamp)


def sighting_time(event_time: str, extract_settings: ExtractSettings, origin: Origin | None) -> int | None:
    """Return the time of the sightings of a call with this ``eventTime``; ``None`` if a sighting cannot have it."""
    time = time_of({"eventTime": event_time}, extract_settings, origin)
    return None if time.problems else time.by_clock


class Call:
    """A record that a rule takes, and what is read of it.

    Attributes:
        view: its fields (U2).
        origin: the position in Kafka that it comes from; ``None`` for files.
        is_redacted: whether anything in it was replaced (T7).
        time: when it was.
    """

    __slots__ = ("_record", "_settings", "_shared", "is_redacted", "origin", "time", "view")

    def __init__(
        self, record: RedactedRecord, time: CallTime, extract_settings: ExtractSettings, origin: Origin | None
    ) -> None:
        self._record = record
        self._settings = extract_settings
        self._shared: Shared | None = None
        self.view = record.view
        self.origin = origin
        self.is_redacted = record.is_changed
        self.time = time

    @property
    def account_source(self) -> AccountSource:
        """Where the member accounts are from (T4)."""
        return account_source(self._record.fields, self._settings.member_account)

    def shared(self) -> Shared:
        """Return what all sightings of it share, which is read once."""
        if self._shared is None:
            fields, source, written = self._record.fields, self._record.source, self._record.written
            text = json_text.canonical(source) if written is None else json_text.canonical_of(source, written)
            principals = self.view.values(_PRINCIPAL)
            principal = principals[0] if principals else None
            event = details.event(fields, event_id(fields, text), self.time.event or 0)
            self._shared = Shared(text, principal, details.identity(fields, principal), event)
        return self._shared


def event_id(fields: Mapping[str, Any], text: str) -> str:
    """Return the event's id; without one, the hash of ``text``, the redacted record as canonical JSON (T6)."""
    recorded = fields.get("eventID")
    if isinstance(recorded, str) and recorded:
        return recorded
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _time_problems(time: int | None, extract_settings: ExtractSettings, origin: Origin | None) -> tuple[str, ...]:
    by_record = extract_settings.clock == "record"
    if time is not None and (origin is None or (not by_record and time <= origin.timestamp + _DAY)):
        return ()  # nearly every record
    return tuple(_each_time_problem(time, origin, by_record=by_record))


def _each_time_problem(time: int | None, origin: Origin | None, *, by_record: bool) -> Iterator[str]:
    if time is None:
        yield "no readable eventTime"
    if origin is None:
        return
    if by_record:
        if not origin.has_timestamp:
            yield 'no Kafka timestamp, which is the time where clock = "record"'
    elif time is not None and origin.has_timestamp and time > origin.timestamp + _DAY:
        odd = explain_odd_timestamp(origin.timestamp)
        yield f"eventTime is more than a day after the Kafka timestamp{f', which is {odd}' if odd else ''}"
