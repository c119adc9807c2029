"""Why a record is no sighting of any rule, in words. With one rule it is said of that rule."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from streams.fields.values import NO_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.extraction.taking import Taken
    from streams.rules.rule_set import CompiledRule, RuleSet

_MOST_SHOWN = 100
_MOST_LISTED = 3


def why_no_candidate(provider: Any, action: Any, rules: RuleSet) -> str:
    """Return why no rule may take a record of this event."""
    if isinstance(provider, str) and isinstance(action, str) and len(provider) + len(action) < _MOST_SHOWN:
        return _of_event(provider, action, *_asked_for(rules))  # said of nearly every record
    return _of_event.__wrapped__(provider, action, *_asked_for(rules))


def _asked_for(rules: RuleSet) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """Return the providers and actions of the only rule; nothing of several rules."""
    if len(rules.rules) != 1:
        return None, None
    needs = rules.rules[0].requirements
    return needs.providers, needs.actions


@lru_cache(1024)
def _of_event(provider: Any, action: Any, providers: frozenset[str] | None, actions: frozenset[str] | None) -> str:
    if actions and not (isinstance(action, str) and action in actions):
        return f"eventName is {_shown(action)}, not {_listed(actions)}"
    if providers and not (isinstance(provider, str) and provider in providers):
        return f"eventSource is {_shown(provider)}, not {_listed(providers)}"
    return f"no rule takes eventName {_shown(action)} of eventSource {_shown(provider)}"


def why_not_taken(fields: Mapping[str, Any], candidates: Sequence[CompiledRule]) -> str:
    """Return why none of the rules that concern a record's event takes it."""
    failure = next((name for name in ("errorCode", "errorMessage") if _is_there(fields.get(name))), None)
    failed = "" if failure is None else f"{failure} is {_shown(fields[failure])}"
    if len(candidates) == 1 and candidates[0].rule.event_name is not None and failed:
        return f"refused: {failed}"
    named = [candidate.rule.id for candidate in candidates[:_MOST_LISTED]]
    if len(candidates) > _MOST_LISTED:
        named.append(f"{len(candidates) - _MOST_LISTED} more")
    queries = "the query of rule" if len(candidates) == 1 else "no query of the rules"
    verb = "does not take" if len(candidates) == 1 else "takes"
    but = f"; {failed}" if failed else ""
    return f"{queries} {', '.join(named)} {verb} this record of eventName {_shown(fields.get('eventName'))}{but}"


def why_without_sighting(taken: Sequence[Taken]) -> str:
    """Return why rules that take a record make no sighting of it."""
    return "; ".join(f"rule {one.rule_id} takes it, but without a sighting: {_missing(one)}" for one in taken)


def _missing(taken: Taken) -> str:
    return ", ".join((*(f"no {field}" for field in taken.missing_terms), *taken.time_problems))


def _is_there(value: Any) -> bool:
    return value not in NO_VALUES if isinstance(value, str) else value not in (None, [], {})


def _listed(names: frozenset[str]) -> str:
    shown = sorted(names)[:_MOST_LISTED]
    return " or ".join((*shown, "others") if len(names) > _MOST_LISTED else shown)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}…"
    return "missing" if value is None else f"of type {type(value).__name__}"
