"""The record of a call that some rule takes. What several rules need of it is read once, and only if one needs it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from streams.fields.view import View

_DAY = 86_400_000
_PRINCIPAL = field_named("rootwatch.principal")


class Shared(NamedTuple):
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


class RedactedRecord(NamedTuple):
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
    view: View
    is_changed: bool
    written: bytes | None = None


class Call:
    """A record that a rule takes, and what is read of it.

    Attributes:
        view: its fields (U2).
        origin: the position in Kafka that it comes from; ``None`` for files.
        is_redacted: whether anything in it was replaced (T7).
        time: the event time in milliseconds since the epoch; ``None`` if it is not readable.
        time_problems: why it has no time that a sighting can have, in words; nothing if it has one (T5).
    """

    def __init__(self, record: RedactedRecord, extract_settings: ExtractSettings, origin: Origin | None) -> None:
        fields, source, view, is_redacted, self._written = record
        self._fields = fields
        self._source = source
        self._settings = extract_settings
        self._shared: Shared | None = None
        self.view = view
        self.origin = origin
        self.is_redacted = is_redacted
        self.time = parse_time(fields.get("eventTime"))
        self.time_problems = _time_problems(self.time, extract_settings, origin)

    def time_by_clock(self) -> int:
        """Return the time of its sightings by the clock of the settings (M4); only without time problems."""
        if self._settings.clock == "event" or self.origin is None or not self.origin.has_timestamp:
            return self.time or 0
        return self.origin.timestamp

    @property
    def account_source(self) -> AccountSource:
        """Where the member accounts are from (T4)."""
        return account_source(self._fields, self._settings.member_account)

    def shared(self) -> Shared:
        """Return what all sightings of it share, which is read once."""
        if self._shared is None:
            fields = self._fields
            source, written = self._source, self._written
            text = json_text.canonical(source) if written is None else json_text.canonical_of(source, written)
            principals = self.view.values(_PRINCIPAL)
            principal = principals[0] if principals else None
            event = details.event(fields, event_id(fields, text), self.time or 0)
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
