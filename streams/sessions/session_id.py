"""Ids of sessions and of their activity, made as alert ids are (A1): the same input gives the same id, always."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from streams.content.uuid_text import uuid5_text

if TYPE_CHECKING:
    from streams.sessions.action import Action
    from streams.sessions.grant import Grant

_NAMESPACE = uuid5(NAMESPACE_URL, "rootwatch").bytes


def session_id(rule_id: str, grant: Grant) -> str:
    """The id of the session that a grant opens (S4)."""
    return _hashed([rule_id, grant.issued_access_key_id, grant.member_account, grant.event_id])


def activity_id(session: str, action: Action) -> str:
    """The id of an action in a session; copies that share a ``sharedEventID`` have the same."""
    return _hashed([session, action.event_key])


def _hashed(terms: list[str]) -> str:
    return uuid5_text(_NAMESPACE, f"[{','.join(map(quoted, terms))}]".encode("ascii"))
