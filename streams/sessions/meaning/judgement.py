"""What an action of a session means: outcome, kind, whether its task allowed it, from where, and how severe it is (S7).

The facts are data (``rules/sessions/root_sessions.toml``); this reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from streams.content import json_text
from streams.fields.lookup import value_at
from streams.rules.root_sessions import LEVELS, Call

if TYPE_CHECKING:
    from streams.rules.root_sessions import CallSeverity, Kind, Level, Outcome, SessionRules
    from streams.sessions.action import Action, ActionEvent
    from streams.sessions.grant import Grant

END_DIFFERENCE = 60_000
"""How long past the end of a session a call may be without being news, in milliseconds: clocks differ."""

_REFUSALS = ("AccessDenied", "UnauthorizedOperation", "Forbidden")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an action means in its session.

    Attributes:
        outcome: ``success``, ``denied`` or ``failed``.
        kind: what the call is, whatever its outcome.
        within_task: whether the task policy allows the call; ``None`` if that is no question or is unknown.
        after_end: the call was made more than a minute past the session's end.
        same_source_ip: it came from the address of the grant; ``None`` if one of them is no address.
        severity: of this call alone.
    """

    outcome: Outcome
    kind: Kind
    within_task: bool | None
    after_end: bool
    same_source_ip: bool | None
    severity: Level


def judge(action: Action, grant: Grant, rules: SessionRules) -> Judgement:
    """Judge an action that belongs to the grant."""
    event = action.event
    call = Call(event.source, event.name)
    known = rules.calls.get(call)
    outcome = _outcome(action)
    kind: Kind = ("read" if event.read_only else "write") if known is None else known.kind
    within_task = rules.allows(grant.task_policy, call)
    after_end = event.time > grant.expires_at + END_DIFFERENCE
    held = _Held(action, outcome, kind, within_task, after_end)
    return Judgement(
        outcome=outcome,
        kind=kind,
        within_task=within_task,
        after_end=after_end,
        same_source_ip=_same_address(event.source_ip, grant.source_ip),
        severity=next((severity.level for severity in rules.severity if held.meets(severity)), LEVELS[0]),
    )


def highest(*levels: Level) -> Level:
    """The highest of these levels of severity; the lowest there is if there are none."""
    return max(levels, key=LEVELS.index, default=LEVELS[0])


@dataclass(frozen=True, slots=True)
class _Held:
    """What the conditions of a severity are held against."""

    action: Action
    outcome: Outcome
    kind: Kind
    within_task: bool | None
    after_end: bool

    def meets(self, severity: CallSeverity) -> bool:
        event = self.action.event
        return (
            severity.outcome in (None, self.outcome)
            and severity.within_task in (None, self.within_task)
            and severity.after_end in (None, self.after_end)
            and (severity.kinds is None or self.kind in severity.kinds)
            and severity.source in (None, event.source)
            and severity.name in (None, event.name)
            and (severity.parameter is None or has_parameter(self.action, severity.parameter))
        )


def parameter(event: ActionEvent, path: str) -> Any:
    """The value of a request parameter, by its dotted path; ``None`` if it is missing."""
    if event.request_parameters is None:
        return None
    return value_at({"": json_text.parse(event.request_parameters)}, "", *path.split("."))


def has_parameter(action: Action, path: str) -> bool:
    """Whether a request parameter, by its dotted path, is not empty. What was too long to keep counts as not empty."""
    return "request_parameters" in action.cut or parameter(action.event, path) not in (None, "", [], {})


def _outcome(action: Action) -> Outcome:
    code, message = action.event.error_code, action.event.error_message
    if code is None and message is None and not {"error_code", "error_message"}.intersection(action.cut):
        return "success"
    return "denied" if any(word in (code or "") for word in _REFUSALS) else "failed"


def _same_address(one: str | None, other: str | None) -> bool | None:
    try:
        return _address(one or "") == _address(other or "")
    except ValueError:
        return None


@lru_cache(maxsize=128)
def _address(text: str) -> IPv4Address | IPv6Address:
    """The address; IPv4 written as IPv6 is the IPv4 one."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
