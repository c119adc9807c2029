"""The sentences of activity and summaries: what a session did, as a tired person wants to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.root_sessions import Call
from streams.sessions.meaning.judgement import has_parameter, parameter

if TYPE_CHECKING:
    from streams.rules.root_sessions import SessionRules
    from streams.sessions.action import Action
    from streams.sessions.grant import Grant
    from streams.sessions.meaning.judgement import Judgement
    from streams.sessions.meaning.tally import Tally

_LONGEST_NAME = 200
_OWN_ADDRESS = "from the caller's own address"
_OTHER_ADDRESS = "from another address than the caller's"


def deed(action: Action, judgement: Judgement, rules: SessionRules) -> str:
    """What a call did, without where it came from: "deleted the bucket policy of b-1"."""
    event = action.event
    known = rules.calls.get(Call(event.source, event.name))
    about = _about(action, None if known is None else known.on)
    if known is not None and judgement.outcome == "success":
        variants = (variant.did for variant in known.variants if has_parameter(action, variant.parameter))
        did = next(variants, known.did)
        return f"{did} {about}" if known.on and about else did.rstrip(":").removesuffix(" of")
    call = f"{event.source.removesuffix('.amazonaws.com')} {_short(event.name)}{f' on {about}' if about else ''}"
    match judgement.outcome:
        case "success":
            return f"called {call}"
        case "denied":
            return f"was denied {call}"
        case _:
            return f"called {call}, which failed{f' ({_short(event.error_code)})' if event.error_code else ''}"


def activity_reason(words: str, action: Action, judgement: Judgement, grant: Grant) -> str:
    """One sentence on one call; ``words`` say what it did."""
    clauses = [f"{words} ({_policy(grant)})"]
    if judgement.within_task is False:
        clauses.append("which the task policy does not allow")
    if judgement.after_end:
        clauses.append(f"{(action.event.time - grant.expires_at) // 1_000} s after the session's end")
    if judgement.same_source_ip is not None:
        clauses.append(_OWN_ADDRESS if judgement.same_source_ip else _OTHER_ADDRESS)
    return ", ".join(clauses)


def summary_reason(tally: Tally, grant: Grant, rules: SessionRules) -> str:
    """One sentence on a whole session."""
    if tally.headline is None:
        return f"nothing was recorded ({_policy(grant)})"
    others = tally.total - 1
    more = f" and made {others} other {'call' if others == 1 else 'calls'}" if others else ""
    clauses = [f"{tally.headline.words}{more} ({_policy(grant)})"]
    clauses += [raised.words for raised in tally.raised(rules)]
    if tally.from_other_address:
        clauses.append(_OTHER_ADDRESS)
    elif tally.from_own_address:
        clauses.append(_OWN_ADDRESS)
    denied = tally.count("denied")
    if denied and others:
        clauses.append(f"{denied} {'call was' if denied == 1 else 'calls were'} denied")
    return ", ".join(clauses)


def _about(action: Action, path: str | None) -> str | None:
    """What the call was about: the parameter that names it, else its first resource."""
    named = None if path is None else parameter(action.event, path)
    if isinstance(named, str) and named:
        return _short(named)
    return next((_short(resource.arn) for resource in action.event.resources if resource.arn), None)


def _policy(grant: Grant) -> str:
    """The task policy's own name: the last part of its ARN."""
    if grant.task_policy is None:
        return "no task policy"
    return _short(grant.task_policy.rpartition("/")[2] or grant.task_policy)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
