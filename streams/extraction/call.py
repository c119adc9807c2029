"""The record of a call that some rule takes. What several rules need of it is read once, and only if one needs it."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streams.content import json_text
from streams.extraction import details
from streams.extraction.event_time import parse_time
from streams.extraction.kafka_time import explain_odd_timestamp
from streams.fields.catalogue import field_named
from streams.fields.lookup import text_at
from streams.fields.terms import member_accounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.extraction.extract import ExtractSettings
    from streams.extraction.sighting import Event, Identity, Origin
    from streams.fields.terms import AccountSource
    from streams.fields.view import View

_DAY = 86_400_000
_PRINCIPAL = field_named("rootwatch.principal")


class Call:
    """A redacted record, and what is read of it.

    Attributes:
        view: its fields (U2).
        origin: the position in Kafka that it comes from; ``None`` for files.
        is_redacted: whether anything in it was replaced (T7).
    """

    def __init__(  # noqa: PLR0913  the parts of one record
        self,
        fields: Mapping[str, Any],
        source: Mapping[str, Any],
        view: View,
        extract_settings: ExtractSettings,
        origin: Origin | None,
        *,
        is_redacted: bool,
    ) -> None:
        """Read nothing yet.

        Args:
            fields: the record under CloudTrail's names, redacted.
            source: the element as it arrived, redacted.
            view: the view of both.
            extract_settings: the settings.
            origin: as above.
            is_redacted: as above.
        """
        self._fields = fields
        self._source = source
        self._settings = extract_settings
        self.view = view
        self.origin = origin
        self.is_redacted = is_redacted

    @cached_property
    def text(self) -> str:
        """The source as canonical JSON text."""
        return json_text.canonical(self._source)

    @cached_property
    def time(self) -> int | None:
        """The event time in milliseconds since the epoch; ``None`` if it is not readable."""
        return parse_time(self._fields.get("eventTime"))

    @cached_property
    def principal(self) -> str | None:
        """T3."""
        return next(iter(self.view.values(_PRINCIPAL)), None)

    @cached_property
    def account_source(self) -> AccountSource:
        """Where the member accounts are from (T4)."""
        return member_accounts(self._fields, self._settings.member_account)[1]

    @cached_property
    def identity(self) -> Identity:
        """The recorded identity."""
        return details.identity(self._fields, self.principal)

    @cached_property
    def event(self) -> Event:
        """The details of the call; its time is 0 if none is readable, and then nothing comes of it."""
        return details.event(self._fields, self._event_id(), self.time or 0)

    def _event_id(self) -> str:
        """Return the event's id; without one, the hash of the redacted record as canonical JSON (T6)."""
        return text_at(self._fields, "eventID") or f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    @cached_property
    def time_problems(self) -> tuple[str, ...]:
        """Why it has no time that a sighting can have, in words; nothing if it has one (T5)."""
        problems = [] if self.time is not None else ["no readable eventTime"]
        origin = self.origin
        if origin is None:
            pass
        elif self._settings.clock == "record":
            if not origin.has_timestamp:
                problems.append('no Kafka timestamp, which is the time where clock = "record"')
        elif self.time is not None and origin.has_timestamp and self.time > origin.timestamp + _DAY:
            odd = explain_odd_timestamp(origin.timestamp)
            which = f", which is {odd}" if odd else ""
            problems.append(f"eventTime is more than a day after the Kafka timestamp{which}")
        return tuple(problems)
