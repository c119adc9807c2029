"""The alert's reason: one sentence that says who did what, why it is new, and how bad it can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from streams.detection.task_policy import UNKNOWN, short_name

if TYPE_CHECKING:
    from streams.detection.novelty import Novelty
    from streams.extraction.sighting import Sighting
    from streams.rules.rule import Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def sentence(sighting: Sighting, novelty: Novelty, rule: Rule, task_policy_risk: str | None) -> str:
    """Return the sentence.

    Args:
        sighting: the sighting that alerts.
        novelty: why it is new.
        rule: gives the words for the action.
        task_policy_risk: what the task policy allows; ``None`` if the call names no policy.
    """
    action = rule.action or f"called {rule.event_name} on"
    gap = novelty.gap_seconds
    when = "for the first time" if gap is None else f"again after {_span(gap)}"
    clauses = [
        f"{sighting.principal} {action} {sighting.member_account} {when}",
        _history(novelty, rule),
    ]
    if sighting.event.task_policy is not None:
        risk = "what it allows is unknown" if task_policy_risk in (None, UNKNOWN) else task_policy_risk
        clauses.append(f"task policy {short_name(sighting.event.task_policy)}: {risk}")
    return "; ".join(clauses)


def _history(novelty: Novelty, rule: Rule) -> str:
    if novelty.principal_is_new:
        return f"this is its first use of {rule.privilege or rule.event_name} on any account"
    if not novelty.others:
        return "it is not known to have done so on any other account"
    count = len(novelty.others)
    since = _date(min(pair.first_seen for pair in novelty.others))
    return f"it has done so on {count} other {'account' if count == 1 else 'accounts'} since {since}"


def _span(seconds: int) -> str:
    unit, size = next((unit for unit in _UNITS if seconds >= unit[1]), _UNITS[-1])
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _date(time: int) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=time)).date().isoformat()
    except OverflowError:  # a Kafka timestamp may be outside the calendar (clock = "record")
        return f"{time} ms after 1970"
