from __future__ import annotations

import pytest
from sightings import DAY, NOON, SECOND, History, sighting, with_settings

from streams.detection.memory import TupleMemory
from streams.detection.novelty import Kind, forgotten, judge

WINDOW = 10 * DAY
FORGET = 400 * DAY
SETTINGS = with_settings(window=WINDOW, forget_after=FORGET)
LAST = NOON + 20 * DAY
KEPT = TupleMemory(first_seen=NOON, last_seen=LAST, times_seen=7)


@pytest.mark.parametrize(
    ("time", "kind", "pair"),
    [
        (LAST + 1, "known", TupleMemory(NOON, LAST + 1, 8)),
        (LAST + WINDOW, "known", TupleMemory(NOON, LAST + WINDOW, 8)),
        (LAST + WINDOW + 1, "returned", TupleMemory(NOON, LAST + WINDOW + 1, 8)),
        (LAST + FORGET, "returned", TupleMemory(NOON, LAST + FORGET, 8)),
        (LAST + FORGET + 1, "first", TupleMemory(LAST + FORGET + 1, LAST + FORGET + 1, 1)),
        (LAST, "known", KEPT),
        (LAST - 1, "late", KEPT),
        (NOON, "late", KEPT),
        (NOON - 1, "late", TupleMemory(NOON - 1, LAST, 7)),
        (LAST - FORGET, "late", TupleMemory(LAST - FORGET, LAST, 7)),
        (LAST - FORGET - 1, "late", KEPT),
    ],
)
def test_the_distance_from_last_seen_decides(time: int, kind: Kind, pair: TupleMemory) -> None:
    """M1, M2, M3, M8: the kind of a sighting and the memory after it, at every edge."""
    judgement = judge(KEPT, time, SETTINGS)
    assert (judgement.kind, judgement.time, judgement.memory) == (kind, time, pair)
    assert judgement.previous == (None if kind == "first" else KEPT)


def test_a_pair_not_remembered_is_first() -> None:
    """M1: a pair that is not remembered is new at any time."""
    judgement = judge(None, -5, SETTINGS)
    assert (judgement.kind, judgement.previous, judgement.memory) == ("first", None, TupleMemory(-5, -5, 1))


def test_forgotten_is_more_than_forget_after() -> None:
    """M8: a pair is forgotten a millisecond after forget_after, not at it, and never by an earlier time."""
    assert [forgotten(LAST, now, FORGET) for now in (LAST + FORGET + 1, LAST + FORGET, 0)] == [True, False, False]


def test_forgetting_before_the_window_ends_is_refused() -> None:
    """M8: forget_after is at least the window, and may equal it."""
    assert with_settings(window=DAY, forget_after=DAY).forget_after == DAY
    with pytest.raises(ValueError, match=r"forget_after \(86400000 ms\) must be at least the window \(86401000 ms\)"):
        with_settings(window=DAY + SECOND, forget_after=DAY)


def test_a_forgotten_account_is_no_known_account() -> None:
    """U5: a pair last seen before the day of forget_after is no known account, and its principal may be new."""
    history = History()
    history.take_all([sighting(NOON, account="333333333333"), sighting(NOON + DAY, account="444444444444")])

    def novelty_at(time: int) -> tuple[int, bool]:
        alert = history.decide(sighting(time)).alert
        assert alert is not None
        return alert.novelty.others.number, alert.novelty.group_is_new

    midnight = NOON + DAY // 2
    assert novelty_at(midnight + FORGET - 1) == (2, False)
    assert novelty_at(midnight + FORGET) == (1, False)
    assert novelty_at(midnight + DAY + FORGET) == (0, True)
