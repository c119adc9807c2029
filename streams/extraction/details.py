"""The optional details of a sighting: a missing or malformed value is ``None``, never a failure.

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
_OF_CALLER = ("type", "accountId", "userName", "accessKeyId")
_OF_ISSUER = ("arn", "userName")
_OF_CALL = (
    *("eventName", "sharedEventID", "sharedEventId", "awsRegion", "sourceIPAddress", "userAgent", "requestID"),
    "recipientAccountId",
)
_OF_TARGET = ("targetPrincipal", "targetPolicy")


def identity(fields: Mapping[str, Any], principal: str | None) -> Identity:
    """Read the identity from ``userIdentity``; without a recorded ARN, ``principal`` is used (T3, ``issuer``)."""
    who = _object(fields.get("userIdentity"))
    session = _object(who.get("sessionContext"))
    issuer = _object(session.get("sessionIssuer"))
    arn = (text_of(recorded) if isinstance(recorded := who.get("arn"), str) else None) or principal
    kind, account, name, key = _texts(who, _OF_CALLER)
    issuer_arn, issuer_name = _texts(issuer, _OF_ISSUER)
    return Identity(  # by position: this runs once per sighting, and names take a third of its time
        arn,
        kind,
        account,
        name or issuer_name,
        issuer_arn,
        None if arn is None else _session_name(arn),
        key,
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
    name, shared_id, shared, region, source_ip, user_agent, request_id, recipient = _texts(fields, _OF_CALL)
    principal, policy = _texts(request, _OF_TARGET)
    return Event(  # by position, as above
        identifier,
        time,
        name,
        shared_id or shared,
        region,
        source_ip,
        user_agent,
        request_id,
        recipient,
        _text(_object(task_policy := request.get("taskPolicyArn")).get("arn")) or _text(task_policy),
        principal,
        policy,
        _seconds(request.get("durationSeconds")),
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


def _texts(fields: Mapping[str, Any], names: tuple[str, ...]) -> list[str | None]:
    """Return what ``_text`` gives for each name; one call for all costs a third."""
    read = fields.get
    return [value if isinstance(value := read(name), str) and value else None for name in names]


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
