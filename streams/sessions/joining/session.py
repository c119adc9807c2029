"""A session: a grant, and what its actions add up to so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.sessions.joining.join import LONGEST_AFTER
from streams.sessions.meaning.tally import Tally
from streams.sessions.session_id import session_id

if TYPE_CHECKING:
    from streams.sessions.grant import Grant, Granted


_NOTHING = Tally()


@dataclass(frozen=True, slots=True)
class Session:
    """What is remembered of one session. Times are milliseconds since the epoch, UTC.

    Attributes:
        rule_id: the rule whose sighting opened it.
        grant: the AssumeRoot call.
        alert_id: the alert that it raised; ``None`` if it raised none.
        arrived: when the grant or the last action arrived, whichever is later.
        tally: what the actions add up to.
        revision: that of the next summary.
        is_open: whether something came since the last summary, or there is none yet.
    """

    rule_id: str
    grant: Grant
    alert_id: str | None
    arrived: int
    tally: Tally = _NOTHING
    revision: int = 0
    is_open: bool = True

    @classmethod
    def opened(cls, granted: Granted, arrived: int) -> Session:
        """The session of a grant that has just arrived."""
        return cls(granted.rule_id, granted.grant, granted.alert_id, arrived)

    @property
    def session_id(self) -> str:
        """The session's id."""
        return session_id(self.rule_id, self.grant)

    def is_of(self, granted: Granted) -> bool:
        """Whether a grant of the same key is the one that opened it: by what makes the id, which takes longer."""
        mine, other = self.grant, granted.grant
        return (self.rule_id, mine.event_id, mine.member_account) == (
            granted.rule_id,
            other.event_id,
            other.member_account,
        )

    @property
    def latest(self) -> int:
        """The latest of its end, its grant's arrival and its last action's arrival."""
        return max(self.grant.expires_at, self.arrived)

    @property
    def forgotten_after(self) -> int:
        """The last moment at which it is remembered."""
        return self.latest + LONGEST_AFTER

    def due(self, grace: int) -> int | None:
        """When its summary is to be written (S9); ``None`` if nothing came since the last one."""
        return self.latest + grace if self.is_open else None
