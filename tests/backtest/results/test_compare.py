"""Comparing a replay with the live run: which alerts only one of them has, and why, if that can be known."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from sightings import (
    ALICE,
    BOB,
    DAY,
    DECISION_SETTINGS,
    MINUTE,
    NOON,
    OTHER_ACCOUNT,
    RULES,
    History,
    judging,
    settings_of_rules,
    sighting,
    with_settings,
)

from streams.backtest.evaluation import evaluate
from streams.backtest.results.compare import Comparison, comparison_lines
from streams.backtest.sources.request import ReplayRequest
from streams.backtest.sources.span import Span
from streams.detection.exception import ExceptionEntry

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting
    from streams.pipeline import DecisionSettings

FIRST = sighting(NOON, event_id="first")
LATER = sighting(NOON + MINUTE, event_id="later")
OTHER = sighting(NOON + 2 * MINUTE, account=OTHER_ACCOUNT, event_id="other")


def live(
    arrived: list[Sighting], decision_settings: DecisionSettings = DECISION_SETTINGS
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The alerts and the overflow of a live run on sightings in this order of arrival."""
    decisions = History(decision_settings).take_all(arrived)
    return (
        [
            decision.alert.fields()
            for decision in decisions
            if decision.outcome == "alert" and decision.alert is not None
        ],
        [
            decision.alert.fields()
            for decision in decisions
            if decision.outcome == "overflow" and decision.alert is not None
        ],
    )


def compared(
    arrived: list[Sighting],
    replayed: list[Sighting],
    live_settings: DecisionSettings = DECISION_SETTINGS,
    settings: DecisionSettings = DECISION_SETTINGS,
) -> list[tuple[str, str, str]]:
    """Side, event and reason of each difference."""
    comparison = Comparison(*live(arrived, live_settings), settings_of_rules(settings), RULES)
    for seen, decision in evaluate(sorted(replayed, key=lambda seen: seen.event.time), judging(settings)):
        comparison.on_decision(seen, decision)
    differences = comparison.differences(comparison.replayed_span(ReplayRequest(("files",))))
    return [(difference.side, difference.alert.event_id, difference.why) for difference in differences]


def test_same_run_has_no_differences() -> None:
    """M9: sightings that arrived in order of time give the same alerts, with the same ids, live and replayed."""
    assert compared([FIRST, LATER, OTHER], [FIRST, LATER, OTHER]) == []


def test_repeated_alerts_are_one() -> None:
    """A2: an alert that a crash repeated is the same alert."""
    alerts, _ = live([FIRST])
    comparison = Comparison(alerts * 2, [], settings_of_rules(), RULES)
    for seen, decision in evaluate([FIRST], judging()):
        comparison.on_decision(seen, decision)
    assert (comparison.in_both(), comparison.differences(Span())) == (1, [])


def test_of_an_alert_only_what_is_compared_is_kept() -> None:
    """Memory stays bounded over years: records, which are the largest part of an alert, are not kept."""
    large = replace(FIRST, record=json.dumps({"padding": "x" * 100_000}))
    comparison = Comparison(*live([large]), settings_of_rules(), RULES)
    for seen, decision in evaluate([large], judging()):
        comparison.on_decision(seen, decision)
    assert comparison.in_both() == 1
    assert len(pickle.dumps(comparison)) < 10_000


def test_late_arrival_is_told_on_both_sides() -> None:
    """M9: live, the pair's later sighting came first and alerted; in order of time the earlier one does."""
    assert compared([LATER, FIRST], [FIRST, LATER]) == [
        ("replay", "first", "late arrival: live these terms alerted on event later"),
        ("live", "later", "late arrival: in the replay these terms alerted on event first"),
    ]


def test_learning_is_told_on_both_sides() -> None:
    """M6: one run may alert on a sighting that the other run only learned."""
    learning = with_settings(learn_until=NOON)
    assert compared([FIRST, OTHER], [FIRST, OTHER], live_settings=learning) == [
        ("replay", "first", "learning: live it only taught, until 2026-01-01T12:00:00.000Z")
    ]
    assert compared([FIRST, OTHER], [FIRST, OTHER], settings=learning) == [
        ("live", "first", "learning: in the replay it only teaches")
    ]


def test_the_cap_is_told_on_both_sides() -> None:
    """A3: an alert that went to overflow in one run is an alert in the other."""
    capped = with_settings(max_alerts=1)
    seen = [FIRST, replace(OTHER, event=replace(OTHER.event, time=NOON + 1))]
    assert compared(seen, seen, live_settings=capped) == [
        ("replay", "other", "cap: live it went to the overflow topic")
    ]
    assert compared(seen, seen, settings=capped) == [
        ("live", "other", "cap: in the replay it is above 1 alerts of its period")
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [("break glass", "exception: break glass"), ("", "exception: number 1 of the file, without a reason")],
)
def test_an_exception_of_the_replay_is_told(reason: str, told: str) -> None:
    """M7: an alert that the replay excepts is named with the exception's reason."""
    excepting = with_settings(exceptions=(ExceptionEntry(principal=ALICE, reason=reason),))
    assert compared([FIRST], [FIRST], settings=excepting) == [("live", "first", told)]


def test_what_the_replay_did_not_read_is_told() -> None:
    """If the record of a live alert within the span is not in the replayed input, that is the named reason."""
    missing = sighting(NOON + MINUTE, BOB, event_id="missing")
    assert compared([FIRST, missing, OTHER], [FIRST, OTHER]) == [
        ("live", "missing", "its record is not in what was replayed")
    ]


def test_what_live_knew_before_cannot_be_known() -> None:
    """A pair that the live run remembers from before the span alerts in the replay only; alerts do not tell why."""
    returned = sighting(NOON + 5 * DAY, event_id="again")
    (difference,) = compared([sighting(NOON - 20 * DAY), sighting(NOON), returned], [returned])
    assert difference[:2] == ("replay", "again")


def test_a_longer_window_is_told_as_known() -> None:
    """M1: a pair that is new to a live run with a shorter window is known to the replay."""
    again = sighting(NOON + 2 * DAY, event_id="again")
    assert compared([FIRST, again], [FIRST, again], live_settings=with_settings(window=DAY)) == [
        ("live", "again", "known: in the replay these terms were seen within the window before it")
    ]


def test_live_alerts_outside_the_span_do_not_count() -> None:
    """P9: live alerts are compared only if their event time lies in the replayed span."""
    before, after = sighting(NOON - DAY, BOB), sighting(NOON + DAY, BOB, OTHER_ACCOUNT)
    assert compared([before, FIRST, OTHER, after], [FIRST, OTHER]) == []


def test_span_is_that_of_the_options_or_of_the_sightings() -> None:
    """The span is --from to --to if they are of event time, else the first sighting to the last."""
    empty, heard = Comparison([], [], settings_of_rules(), RULES), Comparison([], [], settings_of_rules(), RULES)
    for time in (7, 5, 9, 6):  # as under clock = "record", which these do not ascend by
        seen = sighting(time)
        heard.on_decision(seen, History().decide(seen))
    assert heard.replayed_span(ReplayRequest(("f",))) == Span(5, 10)
    assert heard.replayed_span(ReplayRequest(("f",), None, Span(1, None))) == Span(1, 10)
    assert heard.replayed_span(ReplayRequest((), "t", Span(1, 20))) == Span(5, 10)
    assert empty.replayed_span(ReplayRequest(("f",), None, Span(1, 20))) == Span(1, 20)
    assert 0 not in empty.replayed_span(ReplayRequest(("f",)))


def test_lines_tell_counts_and_each_difference() -> None:
    """A difference is listed with time, principal, account, event and alert id."""
    comparison = Comparison(*live([FIRST]), settings_of_rules(), RULES)
    said = list(comparison_lines("rootwatch.alerts", comparison, comparison.differences(Span())))
    assert said[0] == "compare      rootwatch.alerts: 0 in both, 0 only in the replay, 1 only live"
    assert said[1].startswith(f"  only live: 2026-01-01T12:00:00.000Z {ALICE} on 222222222222 (event first, alert ")
