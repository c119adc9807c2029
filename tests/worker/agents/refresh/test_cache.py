"""Which sightings are not sent again, because their tuple was sent a short time ago (U7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sightings import ALICE, BOB, NOON, SECOND, sighting

from streams.detection.decision import DecisionSettings
from streams.detection.novelty import judge
from streams.extraction.sighting import Term
from streams.worker.agents.refresh.cache import RefreshBatch, RefreshCache

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting

REFRESH = 100 * SECOND
WINDOW = 1_000 * SECOND
TEXTS = st.lists(st.sampled_from(["\0", "a", "é", "x" * 200]), max_size=3).map("".join)


def is_fresh(batch: RefreshBatch, one: Sighting, time: int = NOON) -> bool:
    return batch.is_fresh(one.rule_id, one.values, time, REFRESH)


def sent(cache: RefreshCache, times: list[int], principal: str = ALICE) -> list[int]:
    """The times of the sightings that are sent, each in an acknowledged batch of its own."""
    found = []
    for time in times:
        batch = cache.batch()
        one = sighting(time, principal)
        if not is_fresh(batch, one, time):
            batch.note(one, time)
            found.append(time)
        batch.commit()
    return found


@pytest.mark.parametrize(
    ("later", "is_sent"),
    [(0, False), (1, False), (REFRESH - 1, False), (REFRESH, True), (1 - REFRESH, False), (-REFRESH, True)],
)
def test_a_tuple_is_sent_again_after_refresh(later: int, is_sent: bool) -> None:  # noqa: FBT001  a table
    """U7: less than ``refresh`` after or before the last sent sighting, by event time, nothing is sent."""
    assert sent(RefreshCache(), [NOON, NOON + later]) == [NOON, NOON + later][: 1 + is_sent]


def test_a_dropped_sighting_moves_nothing() -> None:
    """U7: a tuple in constant use is sent once per ``refresh``, not once for all."""
    times = [NOON + step * REFRESH // 4 for step in range(9)]
    assert sent(RefreshCache(), times) == [NOON, NOON + REFRESH, NOON + 2 * REFRESH]


def test_rules_and_terms_are_told_apart() -> None:
    """U7: a tuple is a rule with its values; no other rule and no other values are fresh because of it."""
    batch = RefreshCache().batch()
    one = sighting(NOON, ALICE, "1")
    batch.note(one, NOON)
    (first, second) = one.terms
    others = (
        sighting(NOON, BOB, "1"),
        replace(one, rule_id="another"),
        replace(one, terms=(first,)),
        replace(one, terms=(second, first)),
        replace(one, terms=(replace(first, value=f"{first.value}1"), replace(second, value=""))),
    )
    assert is_fresh(batch, one)
    assert not any(is_fresh(batch, other) for other in others)


@given(st.lists(st.tuples(TEXTS, TEXTS) | st.tuples(TEXTS), min_size=2, max_size=2, unique=True))
def test_tuples_are_told_apart_whatever_their_texts(values: list[tuple[str, ...]]) -> None:
    """U7: also tuples of endless values, of other letters, and with the sign in them that separates values."""
    batch = RefreshCache().batch()
    noted, other = values
    terms = tuple(Term("f", value) for value in noted)
    batch.note(replace(sighting(NOON), terms=terms), NOON)
    rule_id = sighting(NOON).rule_id
    assert batch.is_fresh(rule_id, noted, NOON, REFRESH)
    assert not batch.is_fresh(rule_id, other, NOON, REFRESH)


def test_what_is_not_acknowledged_is_not_noted() -> None:
    """U7, A2: a batch that fails is read again, and then its sightings are sent."""
    cache = RefreshCache()
    failed = cache.batch()
    failed.note(sighting(), NOON)
    assert is_fresh(failed, sighting())
    assert not is_fresh(cache.batch(), sighting())


def test_memory_is_bounded_and_what_is_in_use_stays() -> None:
    """U7: it holds two generations at most; what is forgotten is sent once more, and what is asked for is kept."""
    cache = RefreshCache(generation=10)
    for number in range(1_000):
        assert sent(cache, [NOON + number], f"arn:{number}") == [NOON + number]
        assert sent(cache, [NOON + 1], ALICE) == ([NOON + 1] if number == 0 else [])
        assert len(cache) <= 20
    assert sent(cache, [NOON], "arn:0") == [NOON]


@given(st.lists(st.integers(0, 5 * WINDOW), max_size=40), st.integers(1, 4))
def test_no_first_or_returned_sighting_is_hidden(times: list[int], generation: int) -> None:
    """U7: what is dropped would be no first sighting, and none that comes back after the window."""
    cache, settings = RefreshCache(generation), DecisionSettings(window=WINDOW)
    memory = None
    for time in times:
        if sent(cache, [time]):
            memory = judge(memory, time, settings).memory
        else:
            assert memory is not None
            assert judge(memory, time, settings).kind in ("known", "late")
