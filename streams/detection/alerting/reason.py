"""The alert's reason: one sentence that says who did what, why it is new, and how bad it can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from streams.detection.alerting.task_policy import UNKNOWN, short_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.detection.novelty import Novelty
    from streams.extraction.sighting import AnySighting
    from streams.rules.rule import Rule

_ACCOUNT_TERMS = ("rootwatch.principal", "rootwatch.member_account")
_NOBODY = "a caller without an ARN"
_FULL = "the rule remembers as many tuples as it may"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def sentence(sighting: AnySighting, novelty: Novelty, rule: Rule, task_policy_risk: str | None) -> str:
    """Return the sentence.

    Args:
        sighting: the sighting that alerts.
        novelty: why it is new.
        rule: gives the words for the action.
        task_policy_risk: what the task policy allows; ``None`` if the call names no policy.
    """
    clauses = [*(_on_account if rule.terms == _ACCOUNT_TERMS else _on_terms)(sighting, novelty, rule)]
    if sighting.event.task_policy is not None:
        risk = "what it allows is unknown" if task_policy_risk in (None, UNKNOWN) else task_policy_risk
        clauses.append(f"task policy {short_name(sighting.event.task_policy)}: {risk}")
    return "; ".join(clauses)


def _on_account(sighting: AnySighting, novelty: Novelty, rule: Rule) -> Iterator[str]:
    """Give the clauses of a rule on the accounts of a principal: its group is the principal."""
    event = rule.event_name or sighting.event.name or "the event"
    action = rule.action or f"called {event} on"
    done = f"{sighting.principal or _NOBODY} {action} {sighting.member_account}"
    if novelty.kind == "unknown":
        yield f"{done}; {_FULL}, so nobody can tell whether this is new"
        return
    yield f"{done} {_when(novelty)}"
    count, since = novelty.others
    if novelty.group_is_new:
        yield f"this is its first use of {rule.privilege or event} on any account"
    elif since is None:
        yield "it is not known to have done so on any other account"
    else:
        yield f"it has done so on {count} other {'account' if count == 1 else 'accounts'} since {_date(since)}"


def _on_terms(sighting: AnySighting, novelty: Novelty, rule: Rule) -> Iterator[str]:
    """Give the clauses of any other rule."""
    action = rule.action or f"used {sighting.event.name or 'an unnamed event'}"
    account = sighting.identity_account_id or sighting.event.recipient_account_id
    done = f"{sighting.principal or _NOBODY} {action}" + (f" in account {account}" if account else "")
    names = ", ".join(term.field for term in sighting.terms)
    several = len(sighting.terms) > 1
    new = f"{names} {'are new together' if several else 'is new'}"
    match novelty.kind:
        case "unknown":
            yield f"{done}; {_FULL}, so nobody can tell whether {new}"
        case "returned":
            seen = "were not seen together" if several else "was not seen"
            yield f"{done} {_when(novelty)}: {names} {seen} in between"
        case _:
            yield f"{done} {_when(novelty)}: {new}"
    count, since = novelty.others
    if several and since is not None and novelty.kind != "unknown":
        others = "other is" if count == 1 else "others are"
        yield f"{count} {others} known with this {sighting.terms[0].field} since {_date(since)}"


def _when(novelty: Novelty) -> str:
    gap = novelty.gap_seconds
    return "for the first time" if gap is None else f"again after {_span(gap)}"


def _span(seconds: int) -> str:
    unit, size = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _date(time: int) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=time)).date().isoformat()
    except OverflowError:  # a Kafka timestamp may be outside the calendar (clock = "record")
        return f"{time} ms after 1970"
