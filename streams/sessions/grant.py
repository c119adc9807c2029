"""A grant: the AssumeRoot call that issued the credentials of a root session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from streams.extraction.sighting import AnySighting

TEMPORARY = "ASIA"
"""How the access key id of temporary credentials begins."""

LONGEST_KEY_ID = 128
"""AWS issues no longer access key ids. The id is a key of topics and tables."""

_LONGEST_SESSION_SECONDS = 900


class Grant(Struct, frozen=True, gc=False):
    """The AssumeRoot call as activity and summaries show it. Times are milliseconds since the epoch, UTC.

    Attributes:
        event_id: the call's event id (T6).
        time: its ``eventTime``.
        expires_at: when the credentials end; never missing.
        principal: the term (T3).
        member_account: the term (T4), twelve digits.
        issued_access_key_id: the key that joins.
        task_policy: the full ARN; ``None`` if the call names none.
        source_ip: ``sourceIPAddress`` of the call.
    """

    event_id: str
    time: int
    expires_at: int
    principal: str
    member_account: str
    issued_access_key_id: str
    task_policy: str | None = None
    source_ip: str | None = None


class Granted(Struct, frozen=True, gc=False):
    """A grant on its way to its session, with what detection made of it.

    Attributes:
        rule_id: the rule whose sighting it is.
        grant: the call.
        alert_id: the alert that it raised, also one in overflow; ``None`` if it raised none.
    """

    rule_id: str
    grant: Grant
    alert_id: str | None = None

    @property
    def access_key_id(self) -> str:
        """The key that joins; also the key of the sessions topic."""
        return self.grant.issued_access_key_id


def grant_of(sighting: AnySighting, rule_id: str, alert_id: str | None) -> Granted | None:
    """The grant of a sighting; ``None`` if it opens no session that can be followed.

    That is so if no temporary key was issued, if the sighting only teaches, or if it names no member account.
    """
    event = sighting.event
    key = event.issued_access_key_id
    if sighting.teaching or not is_temporary(key) or sighting.principal is None or sighting.member_account is None:
        return None
    grant = Grant(
        event_id=event.id,
        time=event.time,
        expires_at=session_end(event.time, event.issued_expires_at, event.duration_seconds),
        principal=sighting.principal,
        member_account=sighting.member_account,
        issued_access_key_id=key or "",
        task_policy=event.task_policy,
        source_ip=event.source_ip,
    )
    return Granted(rule_id, grant, alert_id)


def session_end(time: int, expires_at: int | None, duration_seconds: int | None) -> int:
    """When a session ends (S4), from what its AssumeRoot call says; times are in milliseconds."""
    if expires_at is not None:
        return expires_at
    return time + (_LONGEST_SESSION_SECONDS if duration_seconds is None else duration_seconds) * 1_000


def is_temporary(key: str | None) -> bool:
    """Whether an access key id is that of temporary credentials."""
    return key is not None and key.startswith(TEMPORARY) and len(key) <= LONGEST_KEY_ID
