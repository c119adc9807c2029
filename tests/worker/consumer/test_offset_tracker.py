"""The offset tracker decides which offset may be committed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.consumer.offset_tracker import OffsetTracker


@st.composite
def handed_over(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Ascending offsets with gaps, and some of them, in any order, as done."""
    offsets = draw(st.lists(st.integers(0, 200), min_size=1, unique=True).map(sorted))
    done = draw(st.lists(st.sampled_from(offsets), unique=True))
    return offsets, done


@given(handed_over(), st.integers(0, 9))
def test_never_past_an_open_offset(case: tuple[list[int], list[int]], beyond: int) -> None:
    """A2: no offset past an open one is committed, whatever the gaps and the order in which records become done."""
    offsets, done = case
    end = offsets[-1] + 1 + beyond
    tracked = OffsetTracker()
    tracked.hand_over(offsets, end)
    for offset in done:
        assert tracked.done(offset)
        left = [other for other in offsets if other not in done[: done.index(offset) + 1]]
        assert tracked.committable() == (min(left) if left else end)


def test_the_first_offset_may_be_zero() -> None:
    """A partition with a gap after offset 0 is committed up to its end; with Faust's gap tracking it is not."""
    tracked = OffsetTracker()
    tracked.hand_over([0, 37], 38)
    tracked.done(0)
    tracked.done(37)
    assert tracked.committable() == 38


def test_a_fetch_without_records() -> None:
    """The commit passes what was dropped, aborted or compacted away, but not while a record before it is open."""
    tracked = OffsetTracker()
    tracked.hand_over([], 5)
    assert tracked.committable() == 5
    tracked.hand_over([6], 9)
    tracked.hand_over([], 40)
    assert tracked.committable() == 6
    tracked.done(6)
    assert tracked.committable() == 40


def test_nothing_handed_over_commits_nothing() -> None:
    """Before any fetch there is nothing to commit."""
    assert OffsetTracker().committable() is None


def test_handed_over_again_is_open_again() -> None:
    """After seeking back, a done record is open until it is done again: a crash then loses nothing."""
    tracked = OffsetTracker()
    tracked.hand_over([5, 6], 7)
    assert tracked.done(5)
    assert tracked.done(6)
    tracked.hand_over([5], 6)
    assert tracked.committable() == 5
    assert tracked.done(5)
    assert tracked.committable() == 7
