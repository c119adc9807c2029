"""Whether an action belongs to a grant (S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.sessions.action import Action
    from streams.sessions.grant import Grant

CLOCK_DIFFERENCE = 5_000
"""By how much the clocks of two AWS services may differ, in milliseconds."""

LONGEST_AFTER = 86_400_000
"""How long after the end of a session an action still belongs to it, in milliseconds."""


def belongs(action: Action, grant: Grant) -> bool:
    """Whether the action belongs to the grant; every bound is part of its span.

    The key alone does not tell: ids that begin with ASIA are unique only together with their secret and their token.
    """
    if (action.access_key_id, action.account_id) != (grant.issued_access_key_id, grant.member_account):
        return False
    if not grant.time - CLOCK_DIFFERENCE <= action.event.time <= grant.expires_at + LONGEST_AFTER:
        return False
    return action.created_at is None or abs(action.created_at - grant.time) <= CLOCK_DIFFERENCE
