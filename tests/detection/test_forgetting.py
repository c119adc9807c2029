"""The time from which the age of a partition's entries is measured (M8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detection.forgetting import Seen, partition_time

TIMES = st.integers(-100, 100)
SEEN = st.builds(Seen, TIMES, TIMES | st.none())


@pytest.mark.parametrize(
    ("before", "batch", "newest", "now", "claim"),
    [
        (None, [(5, 9)], 5, 5, "the event's own time, where Kafka's is later"),
        (None, [(9, 5)], 9, 5, "Kafka's time, where the event is from the future"),
        (None, [(9, None)], 9, 9, "the event's own time, where Kafka has none"),
        (None, [(1, 1), (2, 2), (70, 70)], 70, 70, "a batch over many days frees what its last sighting frees"),
        (None, [(1, 1), (9999, 2), (3, 3)], 9999, 3, "one from the future moves it as far as Kafka's clock went"),
        (8, [(3, 9)], 8, 8, "a late one in a partition whose newest is later"),
        (9999, [(3, 3), (2, 4)], 9999, 4, "after one from the future Kafka's clock counts"),
        (None, [(9999, 2), (3, None)], 9999, 9999, "one without Kafka time is not compared"),
    ],
)
def test_partition_time(
    before: int | None, batch: list[tuple[int, int | None]], newest: int, now: int, claim: str
) -> None:
    """M8: per sighting, the smaller of newest event time and Kafka time counts; the batch takes the largest."""
    assert partition_time(before, [Seen(*seen) for seen in batch]) == (newest, now), claim


def test_without_a_sighting_there_is_no_time() -> None:
    """A batch of tombstones and unreadable records frees nothing."""
    assert partition_time(7, []) is None


@given(st.lists(SEEN, min_size=1), st.data())
def test_it_does_not_depend_on_the_batches(sightings: list[Seen], data: st.DataObject) -> None:
    """M8: the latest time is the same for every division of the sightings into batches."""
    whole = partition_time(None, sightings)
    assert whole is not None
    newest: int | None = None
    reached: list[int] = []
    at = 0
    while at < len(sightings):
        size = data.draw(st.integers(1, len(sightings) - at))
        part = partition_time(newest, sightings[at : at + size])
        assert part is not None
        newest, at = part.newest, at + size
        reached.append(part.now)
    assert (newest, max(reached)) == whole
