"""From a record to a candidate action, or to the reason why it is none (S2).

Rules:
- Nothing but ``userIdentity`` and the time decides. ``assumedRoot`` is no condition: AWS's own example of an action has
  no such field.
- The age is that of the session at the call. AssumeRoot issues credentials for 900 s at most, so what is older belongs
  to another kind of session, such as a sign-in to the console, which lasts for hours.
- Refused calls are candidates too.
- Each field is redacted (T7) and bounded. What is too long is left out, and named in ``Action.cut``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from streams.content import json_text
from streams.content.json_text import TooDeepError
from streams.content.redaction.redact import redact, redact_text
from streams.extraction import details
from streams.extraction.event_time import parse_time
from streams.extraction.sighting import Resource
from streams.fields.account import account_id
from streams.fields.lookup import text_at, value_at
from streams.sessions.action import Action, ActionEvent
from streams.sessions.grant import LONGEST_KEY_ID, TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.extraction.record import Record

OLDEST = 960_000
"""How long after its session's ``creationDate`` a call may be to be a candidate, in milliseconds."""

LONGEST_FIELD = 64 * 1024
"""How many bytes of UTF-8 a field may have."""

MOST_RESOURCES = 100
"""How many resources an action keeps."""

Reason = Literal[
    "not-root",
    "not-a-call",
    "no-key",
    "permanent-key",
    "no-account",
    "by-service",
    "no-time",
    "too-old",
    "no-name",
    "too-deep",
]
_FLAGS = {"true": True, "false": False}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class NoCandidate:
    """A record that is no action of a root session; ``reason`` is one of a few words, to be counted by."""

    reason: Reason


_NOT_ROOT = NoCandidate("not-root")  # nearly every record


def candidate(record: Record) -> Action | NoCandidate:
    """The action of a record, if it may be one of a root session."""
    fields = record.fields
    who = fields.get("userIdentity")
    if not isinstance(who, dict) or who.get("type") != "Root":
        return _NOT_ROOT
    if (reason := _why_not(fields)) is not None:
        return NoCandidate(reason)
    created_at = parse_time(value_at(fields, "userIdentity", "sessionContext", "attributes", "creationDate"))
    time = parse_time(fields.get("eventTime"))
    if time is None:
        return NoCandidate("no-time")
    if created_at is not None and time - created_at > OLDEST:
        return NoCandidate("too-old")
    bounded = _Bounded(fields)
    try:
        event = bounded.event(_event_id(record), time)
    except TooDeepError:
        return NoCandidate("too-deep")
    return Action(
        access_key_id=text_at(fields, "userIdentity", "accessKeyId") or "",
        account_id=account_id(value_at(fields, "userIdentity", "accountId")) or "",
        event=event,
        created_at=created_at,
        cut=tuple(sorted(bounded.cut)),
    )


def _why_not(fields: Mapping[str, Any]) -> Reason | None:
    if fields.get("eventCategory") in ("Insight", "NetworkActivity") or fields.get("eventType") in (
        "AwsCloudTrailInsight",
        "AwsVpceEvent",
    ):
        return "not-a-call"
    key = text_at(fields, "userIdentity", "accessKeyId")
    if key is None or len(key) > LONGEST_KEY_ID:
        return "no-key"
    if not key.startswith(TEMPORARY):
        return "permanent-key"
    if account_id(value_at(fields, "userIdentity", "accountId")) is None:
        return "no-account"
    if value_at(fields, "userIdentity", "invokedBy") not in _EMPTY:
        return "by-service"
    names = text_at(fields, "eventSource"), text_at(fields, "eventName")
    return None if all(name is not None and not _is_too_long(name) for name in names) else "no-name"


def _event_id(record: Record) -> str:
    """The id as T6 has it; an endless ``eventID`` counts as none."""
    event_id = text_at(record.fields, "eventID")
    if event_id is not None and not _is_too_long(event_id):
        return event_id
    text = json_text.canonical(redact(record.source))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class _Bounded:
    """Reads fields, redacts them and leaves out what is too long; ``cut`` has the names of that."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self.cut: set[str] = set()

    def event(self, event_id: str, time: int) -> ActionEvent:
        fields = self._fields
        return ActionEvent(
            id=event_id,
            time=time,
            source=text_at(fields, "eventSource") or "",
            name=text_at(fields, "eventName") or "",
            shared_event_id=self._text("shared_event_id", "sharedEventID", "sharedEventId"),
            region=self._text("region", "awsRegion"),
            source_ip=self._text("source_ip", "sourceIPAddress"),
            user_agent=self._text("user_agent", "userAgent"),
            read_only=_flag(fields.get("readOnly")),
            error_code=self._as_text("error_code", fields.get("errorCode")),
            error_message=self._as_text("error_message", fields.get("errorMessage")),
            resources=tuple(self._resources()),
            request_parameters=self._json("request_parameters", fields.get("requestParameters")),
        )

    def _text(self, name: str, *keys: str) -> str | None:
        return self._kept(name, next((text for key in keys if (text := text_at(self._fields, key))), None))

    def _as_text(self, name: str, value: Any) -> str | None:
        """An error; one that is no text still is an error."""
        if value in _EMPTY:
            return None
        return self._kept(name, value) if isinstance(value, str) else self._json(name, value)

    def _json(self, name: str, value: Any) -> str | None:
        if value is None:
            return None
        try:
            text = json_text.canonical(redact(value))
        except TooDeepError:
            self.cut.add(name)
            return None
        return self._within(name, text)

    def _kept(self, name: str, text: str | None) -> str | None:
        return None if text is None else self._within(name, redact_text(text))

    def _within(self, name: str, text: str) -> str | None:
        if _is_too_long(text):
            self.cut.add(name)
            return None
        return text

    def _resources(self) -> Iterator[Resource]:
        """The first hundred resources, and no more than fit into a field."""
        left = LONGEST_FIELD
        for number, resource in enumerate(details.resources(self._fields)):
            arn, type_ = (None if text is None else redact_text(text) for text in (resource.arn, resource.type))
            left -= sum(len(text.encode()) for text in (arn, type_) if text is not None)
            if number >= MOST_RESOURCES or left < 0:
                self.cut.add("resources")
                return
            yield Resource(arn, type_, resource.account_id)


def _is_too_long(text: str) -> bool:
    return len(text) > LONGEST_FIELD or len(text.encode()) > LONGEST_FIELD


def _flag(value: Any) -> bool | None:
    """A boolean, which some shippers write as text."""
    return value if isinstance(value, bool) else _FLAGS.get(value.lower()) if isinstance(value, str) else None
