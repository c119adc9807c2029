"""The counts as JSON, for a program such as a job that checks a repository of rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.backtest.results.loudness.budget import days_over
from streams.backtest.results.loudness.counts import NO_PRINCIPAL, day_text
from streams.wire.timestamps import to_iso8601

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.backtest.results.loudness.counts import Loudness
    from streams.backtest.results.loudness.pair import Pair, Side


def to_json(loudness: Loudness, budgets: Mapping[str, int], pair: Pair | None) -> bytes:
    """The JSON text, with a line end."""
    over = days_over(loudness, budgets)
    document = {
        "days": loudness.day_count,
        "rules": [
            {
                "rule_id": rule_id,
                "alerts": loud.alerts,
                "overflow": loud.overflow,
                "per_day": {day_text(day): count for day, count in sorted(loud.days.items())},
                "per_principal": [
                    {"principal": None if name == NO_PRINCIPAL else name, "alerts": count}
                    for name, count in loud.loudest_principals
                ],
                "budget_per_day": budgets.get(rule_id),
                "over_budget": [
                    {"day": day_text(one.day), "alerts": one.alerts} for one in over if one.rule_id == rule_id
                ],
            }
            for rule_id, loud in loudness.rules.items()
        ],
        "what_if": None if pair is None else {"both": pair.both, "only": [_side(side) for side in pair.sides]},
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _side(side: Side) -> dict[str, Any]:
    return {
        "rule_id": side.rule_id,
        "events": side.count,
        "first": [
            {
                "time": to_iso8601(event.time),
                "event_id": event.event_id,
                "principal": None if event.principal == NO_PRINCIPAL else event.principal,
                "terms": event.terms,
                "why_not": event.why_not,
            }
            for event in side.events
        ],
    }
