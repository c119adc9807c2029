"""The summary of a group against a model that keeps all tuples (U5)."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import DAY, MINUTE, NOON

from streams.detection.decision import DecisionSettings
from streams.detection.group_summary import GroupSummary, Others
from streams.detection.novelty import judge

if TYPE_CHECKING:
    from streams.detection.memory import TupleMemory

HOUR = 60 * MINUTE
LAW = settings(deadline=None, max_examples=200)


NAMES = st.integers(0, 6)
STEPS = st.sampled_from([0, 1, MINUTE, 6 * HOUR, 12 * HOUR, DAY - 1, DAY, DAY + 1, 2 * DAY, 3 * DAY + 1, 9 * DAY])
FORGETTING = st.sampled_from([HOUR, DAY - 1, DAY, 2 * DAY, 2 * DAY + 5 * HOUR, 4 * DAY])
TIMELINES = st.lists(st.tuples(STEPS, NAMES), max_size=40)


class Group:
    """A group with its summary, and the model: all of its tuples."""

    def __init__(self, forget_after: int) -> None:
        self.settings = DecisionSettings(window=min(HOUR, forget_after), forget_after=forget_after)
        self.tuples: dict[int, TupleMemory] = {}
        self.summary = GroupSummary()
        self.anew: set[int] = set()  # the days from which a forgotten tuple was taken and seen anew

    def see(self, name: int, time: int) -> None:
        """Remember a sighting."""
        before = self.tuples.get(name)
        after = judge(before, time, self.settings).memory
        if before is not None and before.last_seen < after.first_seen:
            self.anew.add(before.last_seen // DAY)
        self.summary = self.summary.moved(before, after, self.settings.forget_after)
        self.tuples[name] = after

    def earliest_day(self, time: int) -> int:
        """The first UTC day that counts at a time."""
        return (time - self.settings.forget_after) // DAY

    def answer(self, name: int, time: int) -> Others:
        """What the summary says."""
        return self.summary.others(self.tuples.get(name), self.earliest_day(time))

    def expected(self, name: int, time: int) -> Others:
        """What the model says."""
        first = [
            kept.first_seen
            for other, kept in self.tuples.items()
            if other != name and kept.last_seen // DAY >= self.earliest_day(time)
        ]
        return Others(len(first), min(first, default=None))


@LAW
@given(TIMELINES, FORGETTING)
def test_a_summary_says_what_all_tuples_say(timeline: list[tuple[int, int]], forget_after: int) -> None:
    """U5: in order of time, the others and their earliest first sighting are those of the tuples themselves.

    On the last day that counts, a tuple may have been forgotten and seen anew. Then only the number is exact, and the
    earliest first sighting is not before the true one.
    """
    group = Group(forget_after)
    times = accumulate((step for step, _ in timeline), initial=NOON)
    for time, (_, name) in zip(times, timeline, strict=False):
        for asked in range(8):
            answer, expected = group.answer(asked, time), group.expected(asked, time)
            assert answer.number == expected.number
            assert (answer.since is None) is (expected.since is None)
            if group.earliest_day(time) not in group.anew:
                assert answer == expected
        group.see(name, time)


@LAW
@given(st.permutations(list(range(24))), st.lists(NAMES, min_size=24, max_size=24), st.sampled_from([2 * DAY, 9 * DAY]))
def test_late_sightings_are_counted_too(order: list[int], names: list[int], forget_after: int) -> None:
    """U5, M3: in any order of arrival over less than forget_after, the number and the earliest sighting are exact."""
    group = Group(forget_after)
    for hour, name in zip(order, names, strict=True):
        time = NOON + hour * HOUR
        for asked in range(8):
            assert group.answer(asked, time) == group.expected(asked, time)
        group.see(name, time)


@LAW
@given(st.lists(st.tuples(st.integers(0, 20), NAMES), max_size=40), FORGETTING)
def test_late_sightings_never_count_what_is_not_there(arrivals: list[tuple[int, int]], forget_after: int) -> None:
    """U5: in any order over any time, a summary counts at most the tuples, and at the newest time exactly."""
    group = Group(forget_after)
    newest = NOON
    for day, name in arrivals:
        time = NOON + day * DAY
        for asked in range(8):
            assert 0 <= group.answer(asked, time).number <= group.expected(asked, time).number
            assert group.answer(asked, newest).number == group.expected(asked, newest).number
        group.see(name, time)
        newest = max(newest, time)


@LAW
@given(TIMELINES, FORGETTING)
def test_a_summary_that_is_made_anew_says_the_same(timeline: list[tuple[int, int]], forget_after: int) -> None:
    """U5: the summary counted from the tuples gives the same number as the one kept sighting by sighting."""
    group = Group(forget_after)
    times = accumulate((step for step, _ in timeline), initial=NOON)
    for time, (_, name) in zip(times, timeline, strict=False):
        group.see(name, time)
        anew = GroupSummary.of(group.tuples.values())
        for asked in range(8):
            said = anew.others(group.tuples.get(asked), group.earliest_day(time))
            assert said.number == group.expected(asked, time).number
            if group.earliest_day(time) not in group.anew:
                assert said == group.expected(asked, time)


@LAW
@given(TIMELINES, FORGETTING)
def test_a_summary_holds_no_more_than_the_days(timeline: list[tuple[int, int]], forget_after: int) -> None:
    """U5: at most two days more than forget_after has, each once, in order, with tuples and at most two sightings."""
    group = Group(forget_after)
    times = accumulate((step for step, _ in timeline), initial=NOON)
    for time, (_, name) in zip(times, timeline, strict=False):
        group.see(name, time)
        days = group.summary.days
        assert len(days) <= forget_after // DAY + 2
        assert [seen.day for seen in days] == sorted({seen.day for seen in days})
        assert all(seen.tuples > 0 and len(seen.first_seen) <= min(2, seen.tuples) for seen in days)


def test_a_summary_of_many_tuples_is_as_small_as_one_of_few() -> None:
    """U5: a summary grows with the days, never with the tuples."""

    def after(tuples: int) -> GroupSummary:
        group = Group(3 * DAY)
        for number in range(tuples):
            group.see(number, NOON + number * 5 * DAY // tuples)
        return group.summary

    few, many = after(10), after(5_000)
    assert len(few.days) == len(many.days)
    assert all(len(seen.first_seen) <= 2 for seen in many.days)


def test_a_tuple_whose_day_was_dropped_is_not_among_those_that_count() -> None:
    """U5: a late sighting of a tuple that the summary no longer counts takes nothing away from the others."""
    group = Group(2 * DAY)
    group.see(1, NOON)
    group.see(2, NOON + 5 * DAY)
    assert group.answer(1, NOON).number == 1
