"""The optional details of a sighting: a missing or malformed value is ``None``, never a failure.

Names and paths of the fields: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
and, for AssumeRoot, https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.extraction.event_time import parse_expiration
from streams.extraction.sighting import Event, Identity, Resource
from streams.fields.account import account_id
from streams.fields.lookup import text_at, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_SECONDS = 2**31 - 1


def identity(fields: Mapping[str, Any], principal: str | None) -> Identity:
    """Read the identity from ``userIdentity``; without a recorded ARN, ``principal`` is used (T3, ``issuer``)."""
    who = ("userIdentity",)
    session = (*who, "sessionContext")
    arn = text_at(fields, *who, "arn") or principal
    return Identity(
        recorded_arn=arn,
        type=text_at(fields, *who, "type"),
        account_id=text_at(fields, *who, "accountId"),
        user_name=text_at(fields, *who, "userName") or text_at(fields, *session, "sessionIssuer", "userName"),
        session_issuer_arn=text_at(fields, *session, "sessionIssuer", "arn"),
        session_name=None if arn is None else _session_name(arn),
        access_key_id=text_at(fields, *who, "accessKeyId"),
        mfa_authenticated=_flag(value_at(fields, *session, "attributes", "mfaAuthenticated")),
        source_identity=text_at(fields, *session, "sourceIdentity"),
    )


def _session_name(arn: str) -> str | None:
    """Return the last part of ``arn:aws:sts::111111111111:assumed-role/Role/SessionName``."""
    match arn.split(":", 5)[-1].split("/", 2):
        case ["assumed-role", _, name] if name:
            return name
    return None


def event(fields: Mapping[str, Any], identifier: str, time: int) -> Event:
    """Read the call. ``identifier`` is the event id of T6, ``time`` is in milliseconds since the epoch."""
    request, issued = ("requestParameters",), ("responseElements", "credentials")
    return Event(
        id=identifier,
        time=time,
        name=text_at(fields, "eventName"),
        shared_event_id=text_at(fields, "sharedEventID") or text_at(fields, "sharedEventId"),
        region=text_at(fields, "awsRegion"),
        source_ip=text_at(fields, "sourceIPAddress"),
        user_agent=text_at(fields, "userAgent"),
        request_id=text_at(fields, "requestID"),
        recipient_account_id=text_at(fields, "recipientAccountId"),
        task_policy=text_at(fields, *request, "taskPolicyArn", "arn") or text_at(fields, *request, "taskPolicyArn"),
        target_principal=text_at(fields, *request, "targetPrincipal"),
        target_policy=text_at(fields, *request, "targetPolicy"),
        duration_seconds=_seconds(value_at(fields, *request, "durationSeconds")),
        resources=resources(fields),
        issued_access_key_id=text_at(fields, *issued, "accessKeyId"),
        issued_expires_at=parse_expiration(value_at(fields, *issued, "expiration")),
    )


def resources(fields: Mapping[str, Any]) -> tuple[Resource, ...]:
    """Read the entries of ``resources`` that are objects."""
    entries = fields.get("resources")
    if not isinstance(entries, list):
        return ()
    return tuple(
        Resource(
            arn=text_at(resource, "ARN") or text_at(resource, "arn"),
            type=text_at(resource, "type"),
            account_id=account_id(resource.get("accountId")),
        )
        for resource in entries
        if isinstance(resource, dict)
    )


def _flag(value: Any) -> bool | None:
    """Return a boolean, which CloudTrail writes as text."""
    return {"true": True, "false": False}.get(str(value).lower()) if isinstance(value, str | bool) else None


def _seconds(value: Any) -> int | None:
    """Return a duration in seconds, which is text in the text form of request parameters in ECS."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_MOST_SECONDS)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS else None
