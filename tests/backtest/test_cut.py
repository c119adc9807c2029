"""A topic's offsets cut into pieces for the processes, and its messages into batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.backtest.sources.topic import cut
from streams.backtest.sources.topic_task import BATCH, BATCH_BYTES, Slice, batch_count

SLICES = st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), min_size=1, max_size=8).map(
    lambda ranges: [Slice(number, start, start + length) for number, (start, length) in enumerate(ranges)]
)


@given(slices=SLICES, pieces=st.integers(1, 9))
def test_pieces_hold_every_offset_once_and_are_even(slices: list[Slice], pieces: int) -> None:
    """Each offset is in one piece, no piece holds a partition twice, and each is at most one above its share."""
    got = cut(slices, pieces)
    covered = [(s.partition, offset) for piece in got for s in piece for offset in range(s.start, s.end)]
    assert covered == [(s.partition, offset) for s in slices for offset in range(s.start, s.end)]
    assert all(len({s.partition for s in piece}) == len(piece) for piece in got)
    assert len(got) <= pieces
    total = len(covered)
    assert all(sum(s.end - s.start for s in piece) <= total // pieces + 1 for piece in got)


@pytest.mark.parametrize(
    ("size", "messages", "count"),
    [
        (250 * 2_000, 250, BATCH),
        (250, 250, BATCH),
        (0, 10, BATCH),
        (BATCH_BYTES, 16, 16),
        (10 * BATCH_BYTES, 10, 1),
        (100 * BATCH_BYTES, 10, 1),
    ],
)
def test_of_large_messages_fewer_are_taken_at_once(size: int, messages: int, count: int) -> None:
    """Memory stays bounded: a batch takes a limited number of bytes, and at least one message."""
    assert batch_count(size, messages) == count
