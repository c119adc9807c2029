"""Runs a case: the rule of the file alone, with an empty memory, as ``backtest`` would replay these records (U12).

A case gives the same everywhere, because no deployment plays a part: no exceptions, no overridden settings,
``principal = arn``. The rule does not learn either: a case says what is new, not since when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from streams import pipeline
from streams.backtest.evaluation import Judging, evaluate
from streams.backtest.order import order_key
from streams.detection.decision import FORGET_AFTER
from streams.fields.values import canonical_address
from streams.fields.view import Network
from streams.pipeline import DecisionSettings, ExtractSettings
from streams.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.commands.rules.cases.case_file import Case, ExpectedAlert, KnownNetwork
    from streams.extraction.sighting import Sighting
    from streams.pipeline import SightResult
    from streams.rules.rule import Rule

_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class GivenAlert:
    """An alert that a case gave."""

    event_id: str
    terms: tuple[str, ...]
    novelty: str

    def __str__(self) -> str:
        return f"{' | '.join(self.terms)} ({self.novelty}, event {self.event_id})"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case gave, and what is wrong with that, in words; nothing is if it gave what it must."""

    alerts: tuple[GivenAlert, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Networks:
    """The networks that a case names."""

    known: Mapping[str, KnownNetwork]

    def __call__(self, address: str, /) -> Network | None:
        found = next((each for text, each in self.known.items() if canonical_address(text) == address), None)
        return None if found is None else Network(found.number, found.organization)


def run_case(rule: Rule, case: Case) -> CaseResult:
    """Run a case of a rule, and compare what it gives with what it must give."""
    alerts, reasons, unread = _run(rule, case)
    problems = [*unread]
    unexpected = list(alerts)
    missing = []
    for expected in case.alerts:
        found = next((given for given in unexpected if _is(given, expected)), None)
        if found is None:
            missing.append(expected)
        else:
            unexpected.remove(found)
    problems += (f"no alert of {_words(expected)}{_because(reasons)}" for expected in missing)
    problems += (f"an alert that must not be: {given}" for given in unexpected)
    return CaseResult(tuple(alerts), tuple(problems))


def _run(rule: Rule, case: Case) -> tuple[list[GivenAlert], list[str], list[str]]:
    """Return the alerts, why records gave none, and which records cannot be read."""
    rules = RuleSet([rule])
    extract_settings = ExtractSettings(networks=_Networks(case.networks))
    seen: list[tuple[Sighting, int]] = []
    reasons: dict[int, str] = {}
    unread = []
    for number, record in enumerate(case.records, 1):
        result = pipeline.sight(json.dumps(record).encode(), rules, extract_settings)
        seen += ((sighting, number) for sighting in result.sightings)
        if not result.records:
            unread.append(f"record {number} holds no CloudTrail record: {'; '.join(_reasons(result))}")
        elif not result.sightings:
            reasons[number] = "; ".join(_reasons(result))
    seen.sort(key=lambda each: order_key(each[0], "event"))
    view_of = partial(pipeline.view_of, extract_settings=extract_settings)
    judging = Judging(rules, {rule.id: _decision_settings(rule)}, view_of)
    alerts = []
    for (_, number), (sighting, decision) in zip(seen, evaluate((each for each, _ in seen), judging), strict=True):
        if decision.outcome == "alert" and decision.alert is not None:
            alerts.append(GivenAlert(sighting.event.id, sighting.values, decision.alert.novelty.kind))
        else:
            reasons.setdefault(number, f"{decision.outcome}: {' | '.join(sighting.values)}")
    return alerts, [f"record {number}: {reason}" for number, reason in sorted(reasons.items())], unread


def _decision_settings(rule: Rule) -> DecisionSettings:
    settings = DecisionSettings(window=rule.window, forget_after=max(rule.window, FORGET_AFTER))
    if rule.forget_after is not None:
        settings = replace(settings, forget_after=rule.forget_after)
    return replace(settings, max_alerts=rule.max_alerts, max_entries=rule.max_entries)


def _reasons(result: SightResult) -> Iterator[str]:
    for rejected in result.rejected:
        yield f"{rejected.reason}: {rejected.error}"
    yield from result.passed_over


def _is(given: GivenAlert, expected: ExpectedAlert) -> bool:
    return (
        given.terms == expected.terms
        and expected.novelty in (None, given.novelty)
        and expected.event_id in (None, given.event_id)
    )


def _words(expected: ExpectedAlert) -> str:
    event = None if expected.event_id is None else f"event {expected.event_id}"
    more = ", ".join(word for word in (expected.novelty, event) if word is not None)
    return " | ".join(expected.terms) + (f" ({more})" if more else "")


def _because(reasons: Sequence[str]) -> str:
    return "".join(f"; {reason}" for reason in reasons[:_SHOWN_REASONS])
