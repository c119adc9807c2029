"""The optional details of a sighting: a missing or malformed value is ``None``, never a failure.

Names and paths of the fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
and, for AssumeRoot, https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.extraction.event_time import parse_expiration
from streams.extraction.sighting import Event, Identity, Resource
from streams.fields import terms
from streams.fields.account import account_id

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
    arn = terms.principal(fields, "arn") or principal
    of_caller, of_issuer = who.get, issuer.get
    return Identity(  # by position: this runs once per sighting, and names take a third of its time
        arn,
        _text(of_caller("type")),
        _text(of_caller("accountId")),
        _text(of_caller("userName")) or _text(of_issuer("userName")),
        _text(of_issuer("arn")),
        None if arn is None else _session_name(arn),
        _text(of_caller("accessKeyId")),
        _flag(_object(session.get("attributes")).get("mfaAuthenticated")),
        _text(session.get("sourceIdentity")),
    )


def _session_name(arn: str) -> str | None:
    """Return the last part of ``arn:aws:sts::111111111111:assumed-role/Role/SessionName``."""
    parts = arn.split(":", 5)[-1].split("/", 2)
    return parts[2] or None if len(parts) == _PARTS_OF_ROLE and parts[0] == "assumed-role" else None


def event(fields: Mapping[str, Any], identifier: str, time: int) -> Event:
    """Read the call. ``identifier`` is the event id of T6, ``time`` is in milliseconds since the epoch."""
    request = _object(fields.get("requestParameters"))
    issued = _object(_object(fields.get("responseElements")).get("credentials"))
    of_call, asked = fields.get, request.get
    return Event(  # by position, as above
        identifier,
        time,
        _text(of_call("eventName")),
        _text(of_call("sharedEventID")) or _text(of_call("sharedEventId")),
        _text(of_call("awsRegion")),
        _text(of_call("sourceIPAddress")),
        _text(of_call("userAgent")),
        _text(of_call("requestID")),
        _text(of_call("recipientAccountId")),
        _text(_object(policy := asked("taskPolicyArn")).get("arn")) or _text(policy),
        _text(asked("targetPrincipal")),
        _text(asked("targetPolicy")),
        _seconds(asked("durationSeconds")),
        resources(fields),
        _text(issued.get("accessKeyId")),
        parse_expiration(issued.get("expiration")),
    )


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
