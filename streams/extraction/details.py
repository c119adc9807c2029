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


def identity(fields: Mapping[str, Any], principal: str | None) -> Identity:
    """Read the identity from ``userIdentity``; without a recorded ARN, ``principal`` is used (T3, ``issuer``)."""
    who = _object(fields.get("userIdentity"))
    session = _object(who.get("sessionContext"))
    issuer = _object(session.get("sessionIssuer"))
    arn = terms.principal(fields, "arn") or principal
    return Identity(
        recorded_arn=arn,
        type=_text(who, "type"),
        account_id=_text(who, "accountId"),
        user_name=_text(who, "userName") or _text(issuer, "userName"),
        session_issuer_arn=_text(issuer, "arn"),
        session_name=None if arn is None else _session_name(arn),
        access_key_id=_text(who, "accessKeyId"),
        mfa_authenticated=_flag(_object(session.get("attributes")).get("mfaAuthenticated")),
        source_identity=_text(session, "sourceIdentity"),
    )


def _session_name(arn: str) -> str | None:
    """Return the last part of ``arn:aws:sts::111111111111:assumed-role/Role/SessionName``."""
    match arn.split(":", 5)[-1].split("/", 2):
        case ["assumed-role", _, name] if name:
            return name
    return None


def event(fields: Mapping[str, Any], identifier: str, time: int) -> Event:
    """Read the call. ``identifier`` is the event id of T6, ``time`` is in milliseconds since the epoch."""
    request = _object(fields.get("requestParameters"))
    issued = _object(_object(fields.get("responseElements")).get("credentials"))
    return Event(
        id=identifier,
        time=time,
        name=_text(fields, "eventName"),
        shared_event_id=_text(fields, "sharedEventID") or _text(fields, "sharedEventId"),
        region=_text(fields, "awsRegion"),
        source_ip=_text(fields, "sourceIPAddress"),
        user_agent=_text(fields, "userAgent"),
        request_id=_text(fields, "requestID"),
        recipient_account_id=_text(fields, "recipientAccountId"),
        task_policy=_text(_object(request.get("taskPolicyArn")), "arn") or _text(request, "taskPolicyArn"),
        target_principal=_text(request, "targetPrincipal"),
        target_policy=_text(request, "targetPolicy"),
        duration_seconds=_seconds(request.get("durationSeconds")),
        resources=resources(fields),
        issued_access_key_id=_text(issued, "accessKeyId"),
        issued_expires_at=parse_expiration(issued.get("expiration")),
    )


def resources(fields: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Read the entries of ``resources`` that are objects."""
    entries = fields.get("resources")
    if not isinstance(entries, list):
        return ()
    return tuple(
        Resource(
            arn=_text(resource, "ARN") or _text(resource, "arn"),
            type=_text(resource, "type"),
            account_id=account_id(resource.get("accountId")),
        )
        for resource in entries
        if isinstance(resource, dict)
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a text that is not empty; ``None`` for anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def _flag(value: Any) -> bool | None:
    """Return a boolean, which CloudTrail writes as text."""
    return {"true": True, "false": False}.get(str(value).lower()) if isinstance(value, str | bool) else None


def _seconds(value: Any) -> int | None:
    """Return a duration in seconds, which is text in the text form of request parameters in ECS."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_MOST_SECONDS)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS else None
