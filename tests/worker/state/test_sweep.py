"""The sweep examines a few entries per sighting, round after round, and deletes what is forgotten (M8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st
from memory_store import Partition
from sightings import ALICE, BOB, DAY, MINUTE, NOON, RULES, pair_key, sighting, with_settings
from two_years import A_DAY, days, entries_at_most

from streams.detection.memory import TupleMemory
from streams.pipeline import Seen
from streams.wire.stored import memory as codec
from streams.worker.state.partition_memory import PartitionMemory
from streams.worker.state.sweep import STEP, Forgetting, Sweep

if TYPE_CHECKING:
    from streams.pipeline import DecisionSettings

SETTINGS = with_settings(window=10 * MINUTE, forget_after=2 * DAY, max_alerts=2)
LATER = NOON + 3 * DAY


def forgetting(decision_settings: DecisionSettings) -> Forgetting:
    """The shipped rule with these settings."""
    return Forgetting(RULES, dict.fromkeys(RULES.by_id, decision_settings), decision_settings.forget_after)


def swept(
    sweep: Sweep, partition: Partition, sightings: int, decision_settings: DecisionSettings = SETTINGS
) -> list[bytes]:
    """The keys that the sweep deletes for a batch of so many sightings, none of which wrote anything."""
    batch = PartitionMemory(0, partition.store, b"offset")
    sweep.forget(batch, [Seen(LATER, LATER)] * sightings, forgetting(decision_settings))
    return [key for key, value in batch.changes() if value is None]


def old_pairs(count: int) -> Partition:
    """A partition with only forgotten pairs, so many of them."""
    partition = Partition(SETTINGS)
    value = codec.encode_tuple(TupleMemory(NOON, NOON, 1))
    partition.store.entries = {pair_key(ALICE, f"{n:012d}"): value for n in range(count)}
    return partition


def test_the_sweep_comes_to_every_entry_and_begins_again_in_the_same_batch() -> None:
    """M8: each sighting examines the next few entries, and after the end of the store comes its beginning."""
    partition = old_pairs(6)
    partition.store.entries[b"offset"] = b"17"
    first, second, third, fourth, fifth, sixth = sorted(partition.store.entries)[:6]
    sweep = Sweep()
    assert swept(sweep, partition, 1) == [first, second, third, fourth]
    assert swept(sweep, partition, 1) == [fifth, sixth, first, second]
    assert swept(sweep, partition, 1) == [third, fourth, fifth, sixth]


def test_no_entry_is_examined_twice_in_a_batch() -> None:
    """M8: a batch larger than the store goes round once, from where the last batch stopped."""
    partition = old_pairs(STEP + 1)
    sweep = Sweep()
    swept(sweep, partition, 1)
    assert sorted(swept(sweep, partition, 500)) == sorted(partition.store.entries)


def test_what_the_batch_has_written_is_left() -> None:
    """M8: a pair that this batch has refreshed is kept, although the store still has its old value."""
    partition = old_pairs(2)
    batch = PartitionMemory(0, partition.store, b"offset")
    partition.decide(batch, sighting(LATER, account=f"{0:012d}"))
    Sweep().forget(batch, [Seen(LATER, LATER)], forgetting(SETTINGS))
    assert [key for key, value in batch.changes() if value is None] == [pair_key(ALICE, f"{1:012d}")]


def test_cap_buckets_of_a_quiet_principal_are_kept_for_a_week() -> None:
    """A3: a bucket is kept for a week, for a replay, and then deleted, however long pairs are remembered."""
    partition = Partition(with_settings(max_alerts=1), Sweep())
    partition.handle([sighting(NOON, ALICE, f"{1:012d}")])
    for day in range(1, 8):
        partition.handle([sighting(NOON + day * DAY, BOB, f"{day:012d}")])
    partition.handle([sighting(NOON + 1, ALICE, f"{2:012d}")])
    assert partition.sent[-1][1] == "overflow"
    partition.handle([sighting(NOON + 8 * DAY + 1, BOB, f"{8:012d}")] * 5)
    kept = [codec.parse_key(key) for key in partition.store.entries]
    assert {key.start for key in kept if isinstance(key, codec.BucketKey)} == {NOON + 8 * DAY}
    assert codec.parse_key(pair_key(ALICE, f"{1:012d}")) in kept


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 12), st.lists(st.integers(1, 300), min_size=1, max_size=4))
@example(4, [1])
@example(4, [280])
@example(1, [500])
def test_the_memory_stays_bounded_whatever_the_batches(forget_days: int, sizes: list[int]) -> None:
    """M8: over days of new pairs the memory has at most ``entries_at_most`` entries, in batches of any size.

    Everything that is not forgotten is among them.
    """
    decision_settings = with_settings(window=DAY, forget_after=forget_days * DAY)
    partition = Partition(decision_settings, Sweep())
    left = list(days(0, 60))
    turn = 0
    while left:
        size = sizes[turn % len(sizes)]
        batch, left = left[:size], left[size:]
        partition.handle(batch)
        turn += 1
        assert len(partition.store.entries) <= entries_at_most(forget_days, max(sizes))
        last = batch[-1].event.time
        of_late = [seen for seen in batch if last - seen.event.time <= forget_days * DAY]
        assert {pair_key(seen.principal, seen.member_account) for seen in of_late} <= set(partition.store.entries)
    assert len(partition.store.entries) >= min(60, forget_days) * A_DAY


def test_a_batch_larger_than_the_store_counts_nothing_twice() -> None:
    """U11: a batch that goes round from the middle of the store leaves the next round's count true."""
    partition = Partition(SETTINGS, Sweep())
    sightings = [sighting(NOON, account=f"{n:012d}") for n in range(20)]
    for batch in (sightings, sightings[:4], sightings, sightings):
        partition.handle(batch)
        value = partition.store.entries[codec.rule_key(RULES.rules[0].rule.id)]
        assert codec.decode_rule(value).entries == len(sightings)
