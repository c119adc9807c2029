"""A partition's memory: what a batch learns, in the order of its changelog, and finding what is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import Partition
from sightings import ALICE, DAY, MINUTE, NOON, sighting, with_settings

from streams.detection.memory import CapBucket, PairMemory
from streams.wire import memory as codec
from streams.worker.memory_table import PartitionMemory, Sweep

if TYPE_CHECKING:
    from streams.detection.sighting import Sighting

SETTINGS = with_settings(window=10 * MINUTE, forget_after=2 * DAY, max_alerts=2)


@st.composite
def histories(draw: st.DrawFn) -> list[Sighting]:
    """New pairs in any order, whose times crowd in few cap periods on both sides of a day."""
    periods = st.sampled_from([0, 0, 0, 5 * MINUTE, DAY, DAY + 5 * MINUTE, 3 * DAY])
    steps = draw(st.lists(st.tuples(periods, st.integers(0, 3), st.integers(0, 9)), max_size=20))
    return [
        sighting(NOON + period + place, ALICE, f"{account:012d}", event_id=f"event-{number}")
        for number, (period, place, account) in enumerate(steps)
    ]


@settings(deadline=None, max_examples=300)
@given(histories(), st.data())
def test_killed_at_any_record_of_the_changelog_each_alert_goes_where_it_went(
    sightings: list[Sighting], data: st.DataObject
) -> None:
    """A2, A3: killed at any record of a batch's changelog, resumed from any commit in other batches: the same alerts.

    Each goes to the topic it went to, and what is remembered in the end is the same.
    """
    calm, killed = Partition(SETTINGS), Partition(SETTINGS)
    for seen in sightings:
        calm.handle([seen])
    start = data.draw(st.integers(0, len(sightings)))
    end = data.draw(st.integers(start, len(sightings)))
    killed.handle(sightings[:start])
    killed.handle(sightings[start:end], stored=lambda changes: data.draw(st.integers(0, changes)))
    at = data.draw(st.integers(0, start))
    while at < len(sightings):
        size = data.draw(st.integers(1, len(sightings) - at))
        killed.handle(sightings[at : at + size])
        at += size
    assert list(dict.fromkeys(killed.sent)) == calm.sent
    assert killed.store.entries == calm.store.entries


def test_the_sweep_comes_to_every_entry_and_begins_again() -> None:
    """M8: a few entries with each sighting, all of them in turn, with the time at which each was last of use."""
    partition = Partition(SETTINGS)
    partition.handle([sighting(NOON + n * DAY, ALICE, f"{n:012d}") for n in range(6)])
    sweep = Sweep()
    seen = [sweep.examine(PartitionMemory("changelog", 0, partition.store, b"offset"), 1) for _ in range(4)]
    keys = [key for some in seen[:2] for key, _ in some]
    assert keys == sorted(partition.store.entries)
    assert dict(entry for some in seen for entry in some)[codec.pair_key(ALICE, f"{3:012d}")] == NOON + 3 * DAY
    assert [len(some) for some in seen] == [4, 3, 4, 3]


def test_the_sweep_leaves_what_the_batch_has_written() -> None:
    """M8: what this batch has just refreshed is not in the store yet, and is not forgotten by what the store holds."""
    partition = Partition(SETTINGS)
    partition.handle([sighting()])
    batch = PartitionMemory("changelog", 0, partition.store, b"offset")
    partition.decide(batch, sighting(NOON + 1))
    assert [key for key, _ in Sweep().examine(batch, 10)] == [codec.bucket_key(ALICE, NOON)]


def test_a_bucket_is_of_use_for_a_day() -> None:
    """A3, M8: a short forget_after deletes no bucket that still counts."""
    partition = Partition(SETTINGS)
    partition.store.entries = {
        codec.bucket_key(ALICE, NOON): codec.encode_bucket(CapBucket(NOON, ("one",))),
        codec.pair_key(ALICE, "222222222222"): codec.encode_pair(PairMemory(NOON, NOON, 1)),
    }
    found = Sweep().examine(PartitionMemory("changelog", 0, partition.store, b"offset"), 1)
    assert [last_of_use - NOON for _, last_of_use in found] == [DAY, 0]
