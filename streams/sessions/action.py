"""An action: one call of a root session, or of what may be one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.extraction.sighting import Resource


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """The call as activity shows it. Times are milliseconds since the epoch, UTC.

    Attributes:
        id: the event id (T6).
        time: ``eventTime``.
        source: ``eventSource``.
        name: ``eventName``.
        shared_event_id: the same in the copies of one event that several accounts receive.
        region: ``awsRegion``.
        source_ip: ``sourceIPAddress``: an address, or the name of an AWS service.
        user_agent: ``userAgent``.
        read_only: ``readOnly``.
        error_code: ``errorCode``; ``None`` if it is empty.
        error_message: ``errorMessage``; ``None`` if it is empty.
        resources: the entries of ``resources``.
        request_parameters: ``requestParameters`` as canonical JSON text, redacted (T7).
    """

    id: str
    time: int
    source: str
    name: str
    shared_event_id: str | None = None
    region: str | None = None
    source_ip: str | None = None
    user_agent: str | None = None
    read_only: bool | None = None
    error_code: str | None = None
    error_message: str | None = None
    resources: tuple[Resource, ...] = ()
    request_parameters: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A candidate: an action that waits for its grant, or belongs to one (S2).

    Attributes:
        access_key_id: the key that signed the call; also the key of the sessions topic.
        account_id: the account of ``userIdentity``, twelve digits.
        event: the call.
        created_at: ``creationDate`` of the session, in milliseconds; ``None`` if the record has none that can be read.
        cut: the names of the fields of ``event`` that were too long.
    """

    access_key_id: str
    account_id: str
    event: ActionEvent
    created_at: int | None = None
    cut: tuple[str, ...] = ()

    @property
    def event_key(self) -> str:
        """What tells this event from others: its shared id, else its id."""
        return self.event.shared_event_id or self.event.id

    @property
    def marks(self) -> tuple[int, ...]:
        """The marks by which a repeat is known (S6), first that of its own event id."""
        shared = self.event.shared_event_id
        return (mark(self.event.id),) if shared is None else (mark(self.event.id), mark(shared))


def mark(event_id: str) -> int:
    """64 bits in place of an event id: the state of a session holds thousands."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "big")
