"""Two rules over the same past: per event, as sets of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sightings import sighting

from streams.backtest.results.loudness.pair import LINES_SHOWN, MOST_KEPT, Pair
from streams.pipeline import OUTCOMES, Decision

DECIDED = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from(["a", "b", "c"]), st.sampled_from(OUTCOMES)),
    max_size=30,
)


@given(DECIDED)
def test_sides_are_the_sets_of_their_events(decided: list[tuple[int, str, str, str]]) -> None:
    """U13: both, only the first, only the second: by event, whatever number of sightings it has, and of other rules."""
    compared = Pair("a", "b")
    alerted: dict[str, set[tuple[int, str]]] = {"a": set(), "b": set(), "c": set()}
    for time, event_id, rule_id, outcome in sorted(decided):
        one = sighting()
        compared.on_decision(
            replace(one, rule_id=rule_id, event=replace(one.event, id=event_id, time=time)), Decision(outcome, time)
        )
        if outcome == "alert":
            alerted[rule_id].add((time, event_id))
    compared.finish()
    first, second = alerted["a"], alerted["b"]
    assert (compared.both, *(side.count for side in compared.sides)) == (
        len(first & second),
        len(first - second),
        len(second - first),
    )
    for side, only in zip(compared.sides, (first - second, second - first), strict=True):
        assert [(event.time, event.event_id) for event in side.events] == sorted(only)
    compared.finish()
    assert compared.both == len(first & second)


def test_a_side_is_bounded() -> None:
    """A year may have a million events of one side: all are counted, and the first ones kept."""
    compared = Pair("a", "b")
    one = replace(sighting(), rule_id="a")
    for number in range(MOST_KEPT + 5):
        compared.on_decision(replace(one, event=replace(one.event, id=f"{number}")), Decision("alert", number))
    compared.finish()
    assert (compared.sides[0].count, len(compared.sides[0].events)) == (MOST_KEPT + 5, MOST_KEPT)
    assert f"    … and {MOST_KEPT + 5 - LINES_SHOWN} more" in list(compared.lines())
