"""The optional details of a sighting: a missing or malformed value is ``None``, never a failure.

What ``_text`` does is written out where each sighting needs it: a call of a function takes twice as long.

Names and paths of the fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
and, for AssumeRoot, https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.extraction.event_time import parse_expiration
from streams.extraction.sighting import Event, Identity, Resource
from streams.fields.account import account_id
from streams.fields.values import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_SECONDS = 2**31 - 1
_NOTHING: Mapping[str, Any] = {}
_FLAGS = {"true": True, "false": False}
_PARTS_OF_ROLE = 3


def identity(fields: Mapping[str, Any], principal: str | None) -> Identity:
    """Read the identity from ``userIdentity``; without a recorded ARN, ``principal`` is used (T3, ``issuer``)."""
    who = _object(fields.get("userIdentity"))
    session = _object(who.get("sessionContext"))
    issuer = _object(session.get("sessionIssuer"))
    arn = (text_of(recorded) if isinstance(recorded := who.get("arn"), str) else None) or principal
    return Identity(  # by position: this runs once per sighting, and names take a third of its time
        arn,
        text if (text := who.get("type")) and isinstance(text, str) else None,
        text if (text := who.get("accountId")) and isinstance(text, str) else None,
        _text(who.get("userName")) or (text if (text := issuer.get("userName")) and isinstance(text, str) else None),
        text if (text := issuer.get("arn")) and isinstance(text, str) else None,
        None if arn is None else _session_name(arn),
        text if (text := who.get("accessKeyId")) and isinstance(text, str) else None,
        _flag(_object(session.get("attributes")).get("mfaAuthenticated")),
        text if (text := session.get("sourceIdentity")) and isinstance(text, str) else None,
    )


def _session_name(arn: str) -> str | None:
    """Return the last part of ``arn:aws:sts::111111111111:assumed-role/Role/SessionName``."""
    parts = arn.split(":", 5)[-1].split("/", 2)
    return parts[2] or None if len(parts) == _PARTS_OF_ROLE and parts[0] == "assumed-role" else None


def event(fields: Mapping[str, Any], identifier: str, time: int) -> Event:
    """Read the call. ``identifier`` is the event id of T6, ``time`` is in milliseconds since the epoch."""
    request = _object(fields.get("requestParameters"))
    issued = _object(_object(fields.get("responseElements")).get("credentials"))
    return Event(  # by position, as above
        identifier,
        time,
        text if (text := fields.get("eventName")) and isinstance(text, str) else None,
        text
        if ((text := fields.get("sharedEventID")) and isinstance(text, str))
        or ((text := fields.get("sharedEventId")) and isinstance(text, str))
        else None,
        text if (text := fields.get("awsRegion")) and isinstance(text, str) else None,
        text if (text := fields.get("sourceIPAddress")) and isinstance(text, str) else None,
        text if (text := fields.get("userAgent")) and isinstance(text, str) else None,
        text if (text := fields.get("requestID")) and isinstance(text, str) else None,
        text if (text := fields.get("recipientAccountId")) and isinstance(text, str) else None,
        _task_policy(request.get("taskPolicyArn")),
        text if (text := request.get("targetPrincipal")) and isinstance(text, str) else None,
        text if (text := request.get("targetPolicy")) and isinstance(text, str) else None,
        _seconds(request.get("durationSeconds")),
        resources(fields),
        text if (text := issued.get("accessKeyId")) and isinstance(text, str) else None,
        parse_expiration(issued.get("expiration")),
    )


def _task_policy(value: Any) -> str | None:
    """Return the ARN of a task policy, which is in an object or alone."""
    return _text(value.get("arn")) if isinstance(value, dict) else _text(value)


def resources(fields: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Read the entries of ``resources`` that are objects."""
    entries = fields.get("resources")
    if not isinstance(entries, list):
        return ()
    return tuple(
        Resource(
            arn=_text(resource.get("ARN")) or _text(resource.get("arn")),
            type=_text(resource.get("type")),
            account_id=account_id(resource.get("accountId")),
        )
        for resource in entries
        if isinstance(resource, dict)
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: Any) -> str | None:
    """Return a text that is not empty; ``None`` for anything else."""
    return value if isinstance(value, str) and value else None


def _flag(value: Any) -> bool | None:
    """Return a boolean, which CloudTrail writes as text."""
    if isinstance(value, str):
        return _FLAGS.get(value.lower())
    return value if isinstance(value, bool) else None


def _seconds(value: Any) -> int | None:
    """Return a duration in seconds, which is text in the text form of request parameters in ECS."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_MOST_SECONDS)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS else None
