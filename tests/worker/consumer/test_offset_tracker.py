"""The offset tracker decides which offset may be committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.consumer.offset_tracker import OffsetTracker

if TYPE_CHECKING:
    from collections.abc import Sequence


class Model:
    """What the tracker promises, in its simplest form."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.position: int | None = None

    def hand_over(self, offsets: Sequence[int], position: int) -> None:
        """All of them are open; the position never goes back."""
        self.open |= set(offsets)
        self.position = max(position, self.position or 0)

    def done(self, offsets: Sequence[int]) -> None:
        """None of them is open."""
        self.open -= set(offsets)

    def committable(self) -> int | None:
        """The lowest open offset, or else the position."""
        return min(self.open, default=self.position)


OFFSETS = st.lists(st.integers(0, 40), unique=True)
# A fetch: offsets with gaps, and how far after them the next fetch reads. Often some were handed over before.
FETCHES = st.tuples(OFFSETS.map(sorted), st.integers(1, 9))


@given(st.lists(FETCHES | OFFSETS, max_size=30))
def test_it_is_the_lowest_open_offset_or_the_position(steps: list[tuple[list[int], int] | list[int]]) -> None:
    """A2: no offset past an open one is committed, whatever is handed over, again too, and done in any order.

    Records that are done twice, or before they are handed over, change nothing.
    """
    tracked, model = OffsetTracker(), Model()
    for step in steps:
        for each in (tracked, model):
            if isinstance(step, tuple):
                offsets, beyond = step
                each.hand_over(offsets, max(offsets, default=0) + beyond)
            else:
                each.done(step)
        assert tracked.committable() == model.committable()


@given(OFFSETS.filter(bool).map(sorted), st.integers(1, 9), st.data())
def test_never_past_an_open_offset(offsets: list[int], beyond: int, data: st.DataObject) -> None:
    """A2: the commit comes to the position when all records are done, by deliveries in any order."""
    end = offsets[-1] + beyond
    tracked = OffsetTracker()
    tracked.hand_over(offsets, end)
    left = data.draw(st.permutations(offsets))
    while left:
        count = data.draw(st.integers(1, len(left)))
        tracked.done(left[:count])
        left = left[count:]
        assert tracked.committable() == min(left, default=end)


def test_the_first_offset_may_be_zero() -> None:
    """A partition with a gap after offset 0 is committed up to its end; with Faust's gap tracking it is not."""
    tracked = OffsetTracker()
    tracked.hand_over([0, 37], 38)
    tracked.done([0])
    tracked.done([37])
    assert tracked.committable() == 38


def test_a_fetch_without_records() -> None:
    """The commit passes what was dropped, aborted or compacted away, but not while a record before it is open."""
    tracked = OffsetTracker()
    tracked.hand_over([], 5)
    assert tracked.committable() == 5
    tracked.hand_over([6], 9)
    tracked.hand_over([], 40)
    assert tracked.committable() == 6
    tracked.done([6])
    assert tracked.committable() == 40


def test_nothing_handed_over_commits_nothing() -> None:
    """Before any fetch there is nothing to commit."""
    assert OffsetTracker().committable() is None


def test_handed_over_again_is_open_again() -> None:
    """After seeking back, a done record is open until it is done again: a crash then loses nothing."""
    tracked = OffsetTracker()
    tracked.hand_over([5, 6], 7)
    tracked.done(iter([5, 6]))
    assert tracked.committable() == 7
    tracked.hand_over([5], 6)
    assert tracked.committable() == 5
    tracked.done([5])
    assert tracked.committable() == 7
