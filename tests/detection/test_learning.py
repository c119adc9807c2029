"""When a rule learns, and when it remembers no more (U6, U11)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sightings import BOB, DAY, MINUTE, NOON
from three_rules import RULES, SETTINGS, TWO, RulesHistory, changed, of_rule, rule

from streams.detection.exception import ExceptionEntry
from streams.detection.memory import RuleState
from streams.rules.rule_set import RuleSet, compile_rule
from streams.wire import sighting as wire

if TYPE_CHECKING:
    from streams.pipeline import Decision
    from streams.rules.rule import Rule

WINDOW = SETTINGS["two"].window
HOUR = 60 * MINUTE
TERMS = ("cloud.account.id", "user.name")
OTHER_QUERY = rule("two", *TERMS, action="CreateRole")
OTHER_TERMS = rule("two", "cloud.account.id", "cloud.region")
OTHER_TEXTS = replace(
    TWO, name="Another name", version=2, severity="high", risk_score=1, window=3 * HOUR, max_alerts=7, description="x"
)
SAME_MEANING = replace(TWO, query=TWO.query.replace(" and ", "\n  AND  "))


def known(before: Rule, since: int, entries: int = 1, *, relearning: bool = False) -> RuleState:
    """What a partition knows that has run a rule."""
    compiled = compile_rule(before)
    return RuleState(compiled.query_fingerprint, compiled.terms_fingerprint, since, relearning, entries)


def partition(
    state: RuleState | None, now: Rule = TWO, learn: int | None = None, learn_until: int | None = None
) -> RulesHistory:
    """A partition that runs a rule and knows this of it."""
    history = RulesHistory(changed(learn=learn, learn_until=learn_until), RuleSet([now]))
    if state is not None:
        history.memory.states["two"] = state
    return history


def outcome_at(history: RulesHistory, now: Rule, time: int, user: str) -> tuple[str, int | None]:
    """The outcome of a new tuple, and what its alert says of learning."""
    decision = history.take(of_rule(now, time, "1", user))
    return decision.outcome, None if decision.alert is None else decision.alert.novelty.learning_ended_at


@pytest.mark.parametrize(
    ("before", "now", "learn", "learns_for", "claim"),
    [
        (None, TWO, None, None, "a rule that the partition never met, without learn, learns nothing"),
        (None, TWO, HOUR, HOUR, "a rule that it never met learns for its learn"),
        (None, TWO, 0, 0, "with learn 0 the first sighting itself teaches"),
        (OTHER_QUERY, TWO, None, WINDOW, "a changed query, without learn: the window"),
        (OTHER_QUERY, TWO, HOUR, HOUR, "a changed query: learn, where it is given"),
        (OTHER_TERMS, TWO, None, WINDOW, "changed terms, without learn: the window"),
        (OTHER_TERMS, TWO, 5 * HOUR, 5 * HOUR, "changed terms: learn, where it is given"),
        (TWO, OTHER_TEXTS, None, None, "changed texts, window, cap, severity or version are no change"),
        (TWO, SAME_MEANING, None, None, "blanks and the case of keywords are no change"),
    ],
)
def test_how_long_a_rule_learns(
    before: Rule | None, now: Rule, learn: int | None, learns_for: int | None, claim: str
) -> None:
    """U6: from its first sighting under a fingerprint a rule learns for learn, or its window, up to the end itself."""
    history = partition(None if before is None else known(before, NOON - DAY), now, learn)
    if learns_for is None:
        assert outcome_at(history, now, NOON, "a") == ("alert", None), claim
        return
    end = NOON + learns_for
    assert outcome_at(history, now, NOON, "a") == ("learned", None), claim
    assert outcome_at(history, now, end, "b") == ("learned", None), claim
    assert outcome_at(history, now, end + 1, "c") == ("alert", end), claim


@pytest.mark.parametrize(
    ("learn_until", "ends"),
    [
        (NOON + MINUTE, NOON + HOUR),
        (NOON + 2 * HOUR, NOON + 2 * HOUR),
        (NOON - DAY, NOON + HOUR),
    ],
)
def test_learning_ends_with_learn_or_learn_until_whichever_is_later(learn_until: int, ends: int) -> None:
    """U6, M6: both silence; novelty tells the later end."""
    history = partition(None, learn=HOUR, learn_until=learn_until)
    assert outcome_at(history, TWO, NOON, "a")[0] == "learned"
    assert outcome_at(history, TWO, ends, "b")[0] == "learned"
    assert outcome_at(history, TWO, ends + 1, "c") == ("alert", ends)


def test_learn_until_alone_is_told_too() -> None:
    """M6: without a rule's own learning, the end is learn_until."""
    history = partition(None, learn_until=NOON)
    assert outcome_at(history, TWO, NOON, "a") == ("learned", None)
    assert outcome_at(history, TWO, NOON + 1, "b") == ("alert", NOON)


def test_a_late_sighting_is_within_learning_and_does_not_move_it() -> None:
    """U6: learning begins with the first sighting to come, not with the earliest; what is earlier teaches too."""
    history = partition(None, learn=HOUR)
    assert outcome_at(history, TWO, NOON, "a")[0] == "learned"
    assert outcome_at(history, TWO, NOON - DAY, "b")[0] == "learned"
    assert history.memory.states["two"].first_sighting_at == NOON
    assert outcome_at(history, TWO, NOON + HOUR, "c")[0] == "learned"
    assert outcome_at(history, TWO, NOON + HOUR + 1, "d") == ("alert", NOON + HOUR)


def test_an_excepted_sighting_does_not_begin_the_learning() -> None:
    """U6, M7: learning begins with the first sighting that no exception takes out."""
    history = partition(None, learn=HOUR)
    excepting = replace(SETTINGS["two"], learn=HOUR, exceptions=(ExceptionEntry(principal=BOB),))
    history.settings = {"two": excepting}
    excepted = history.take(of_rule(TWO, NOON - HOUR, "1", "a", principal=BOB))
    assert (excepted.outcome, excepted.rule_state, excepted.memory) == ("excepted", None, None)
    assert outcome_at(history, TWO, NOON, "a")[0] == "learned"
    assert outcome_at(history, TWO, NOON + HOUR, "b")[0] == "learned"
    assert outcome_at(history, TWO, NOON + HOUR + 1, "c") == ("alert", NOON + HOUR)


def test_memory_is_kept_over_a_change_of_the_query() -> None:
    """U6: after a changed query has learned, what it knew before is known."""
    history = partition(None)
    outcome_at(history, TWO, NOON, "a")
    history.rules = RuleSet([OTHER_QUERY])
    later = NOON + MINUTE
    assert outcome_at(history, OTHER_QUERY, later, "b")[0] == "learned"
    state = history.memory.states["two"]
    assert (state.relearning, state.entries, state.first_sighting_at) == (True, 2, later)
    assert outcome_at(history, OTHER_QUERY, later + WINDOW + 1, "c")[0] == "alert"
    returned = history.take(of_rule(OTHER_QUERY, later + WINDOW + 2, "1", "a"))
    assert returned.alert is not None
    assert returned.alert.novelty.kind == "returned"


def test_changed_terms_start_with_no_entries() -> None:
    """U6: terms that changed remember nothing of those before, and count from none."""
    history = partition(known(OTHER_TERMS, NOON - DAY, entries=9), TWO)
    outcome_at(history, TWO, NOON, "a")
    assert history.memory.states["two"].entries == 1


def test_a_rule_that_changes_back_learns_again() -> None:
    """U6: only the last fingerprint is known, so a change back is a change."""
    history = partition(known(OTHER_QUERY, NOON - DAY, relearning=True), TWO)
    assert outcome_at(history, TWO, NOON, "a")[0] == "learned"


def saturated(most: int = 2) -> RulesHistory:
    """A partition that remembers as much as it may: users a and b of account 1."""
    history = RulesHistory(changed(max_entries=most, max_alerts=0), RULES)
    for place in range(most):
        history.take(of_rule(TWO, NOON + place, "1", chr(ord("a") + place)))
    return history


def kind(decision: Decision) -> str | None:
    """The alert's kind of novelty; ``None`` without an alert."""
    return None if decision.alert is None else str(decision.alert.novelty.kind)


def test_beyond_max_entries_a_new_tuple_is_unknown_and_changes_nothing() -> None:
    """U11: it goes to overflow with its others counted, again each time, and is not remembered."""
    history = saturated()
    states = dict(history.memory.states)
    for time in (NOON + 5, NOON + 6):
        decision = history.take(of_rule(TWO, time, "1", "z"))
        assert (decision.outcome, kind(decision)) == ("unknown", "unknown")
        assert (decision.memory, decision.summary, decision.rule_state, decision.bucket) == (None, None, None, None)
        assert decision.alert is not None
        assert decision.alert.fields()["novelty"] == {
            "kind": "unknown",
            "first_seen": time,
            "previous_seen": None,
            "gap_seconds": None,
            "times_seen": 1,
            "principal_is_new": False,
            "principal_known_accounts": 2,
            "learning_ended_at": None,
        }
    assert history.memory.states == states


def test_beyond_max_entries_known_tuples_go_on() -> None:
    """U11: a remembered tuple is known, returns, and begins anew after it was forgotten."""
    history = saturated()
    assert history.take(of_rule(TWO, NOON + MINUTE, "1", "a")).outcome == "known"
    assert kind(history.take(of_rule(TWO, NOON + MINUTE + WINDOW + 1, "1", "a"))) == "returned"
    assert kind(history.take(of_rule(TWO, NOON + 9 * DAY, "1", "b"))) == "first"
    assert history.memory.states["two"].entries == 2


def test_beyond_max_entries_what_only_teaches_does_not_alert() -> None:
    """U11, M6: a teaching sighting, and one while the rule learns, is unknown without an alert."""
    history = saturated()
    teaching = history.take(of_rule(TWO, NOON + 5, "1", "z", teaching=True))
    assert (teaching.outcome, teaching.alert, teaching.memory) == ("unknown", None, None)
    history.settings = changed(max_entries=2, learn_until=NOON + HOUR)
    learning = history.take(of_rule(TWO, NOON + 5, "1", "z"))
    assert (learning.outcome, learning.alert, learning.memory) == ("unknown", None, None)


def test_max_entries_is_per_rule() -> None:
    """U11: a saturated rule leaves the others as they are."""
    history = saturated()
    assert history.take(of_rule(RULES.by_id["one"].rule, NOON + 9, "eu-central-1")).outcome == "alert"


def test_an_unknown_first_sighting_of_a_changed_rule_begins_its_learning() -> None:
    """U6, U11: the state is kept where the tuple is not, so the learning of a saturated rule ends."""
    history = partition(known(OTHER_QUERY, NOON - DAY, entries=1), TWO)
    history.settings = changed(max_entries=1)
    assert history.take(of_rule(TWO, NOON, "1", "z")).outcome == "unknown"
    assert history.memory.states["two"].first_sighting_at == NOON
    decision = history.take(of_rule(TWO, NOON + WINDOW + 1, "1", "z"))
    assert (decision.outcome, kind(decision)) == ("unknown", "unknown")


def test_a_sighting_of_a_rule_that_does_not_run_is_gone() -> None:
    """U6: also one with other terms than the rule has now, in other order or number; the wire keeps which."""
    for made_by in (
        rule("other", *TERMS),
        OTHER_TERMS,
        rule("two", "user.name", "cloud.account.id"),
        rule("two", "cloud.account.id"),
        rule("two", *TERMS, "cloud.region"),
    ):
        history = partition(None)
        seen = of_rule(made_by, NOON, *("1", "a", "b")[: len(made_by.terms)])
        assert history.take(wire.decode(wire.encode(seen))).outcome == "gone"
        assert not history.memory.states
        assert not history.memory.groups
