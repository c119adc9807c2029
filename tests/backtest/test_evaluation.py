"""Evaluation in order, from an empty memory that stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from sightings import (
    ACCOUNT,
    ALICE,
    BOB,
    DAY,
    DECISION_SETTINGS,
    MINUTE,
    NOON,
    OTHER_ACCOUNT,
    RULE,
    History,
    judging,
    sighting,
    with_settings,
)

from streams.backtest import evaluation
from streams.backtest.evaluation import Verdicts, evaluate

if TYPE_CHECKING:
    from streams.pipeline import Decision


def test_a_replay_decides_as_the_pipeline_does() -> None:
    """A backtest decides by the same function as the worker; each sighting sees those before it."""
    sightings = [
        sighting(NOON + day * DAY, who, account)
        for day in range(30)
        for who, account in ((ALICE, ACCOUNT), (BOB, OTHER_ACCOUNT))
        if day % 13 < 2
    ]
    decided = [decision for _, decision in evaluate(sightings, judging())]
    assert decided == History().take_all(sightings)
    assert {decision.outcome for decision in decided} == {"alert", "known"}


def outwardly(decision: Decision) -> Decision:
    """A decision without how much is remembered, which is what sweeping changes."""
    return replace(decision, rule_state=None, summary=None)


@pytest.mark.parametrize("forget_after", [MINUTE, 20 * DAY])
def test_sweeping_the_memory_changes_no_decision(forget_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """M8: a forgotten pair counts as never seen, deleted or not; the cap's buckets of the day are kept (A3)."""
    decision_settings = with_settings(
        window=min(DECISION_SETTINGS.window, forget_after), forget_after=forget_after, max_alerts=2
    )
    sightings = [
        sighting(NOON + step * 70_000 + step // 10 * 30 * DAY, ALICE, f"{step % 7:012d}") for step in range(100)
    ]
    expected = History(decision_settings).take_all(sightings)
    monkeypatch.setattr(evaluation, "SWEEP_EVERY", 1)
    decided = [decision for _, decision in evaluate(sightings, judging(decision_settings))]
    assert list(map(outwardly, decided)) == list(map(outwardly, expected))
    assert {"alert", "overflow"} <= {decision.outcome for decision in expected}


def test_verdicts_count_what_was_decided() -> None:
    """The summary's numbers: outcomes, alerts by severity and novelty, principals and the span of time."""
    sightings = [sighting(NOON), sighting(NOON + DAY), sighting(NOON + 20 * DAY), sighting(NOON + 21 * DAY, BOB)]
    verdicts = Verdicts()
    for seen, decision in evaluate(sightings, judging()):
        verdicts.count(seen, decision)
    assert verdicts.outcomes == {"alert": 3, "known": 1}
    assert verdicts.alerts == {("low", "first"): 2, ("low", "returned"): 1}
    assert verdicts.groups == {(RULE.id, ALICE): 3, (RULE.id, BOB): 1}
    assert verdicts.rules == {RULE.id: verdicts.outcomes}
    assert (verdicts.first, verdicts.last) == (NOON, NOON + 21 * DAY)
