"""With ``forget_after`` below a day, the sweep deleted cap buckets that still counted, and the cap let more through."""

from __future__ import annotations

from memory_store import Partition
from sightings import ALICE, MINUTE, NOON, sighting, with_settings

from streams.pipeline import forgotten
from streams.worker.memory_table import PartitionMemory, Sweep


def test_a_late_sighting_of_a_full_period_overflows() -> None:
    """A3, M8: a bucket is kept for a day, however soon pairs are forgotten."""
    settings = with_settings(window=MINUTE, forget_after=MINUTE, max_alerts=1)
    partition = Partition(settings)
    partition.handle([sighting(NOON, ALICE, "000000000001"), sighting(NOON + 6 * MINUTE, ALICE, "000000000002")])
    sweep = Sweep().examine(PartitionMemory("changelog", 0, partition.store, b"offset"), 2)
    for key in [key for key, last_of_use in sweep if forgotten(last_of_use, NOON + 6 * MINUTE, settings)]:
        del partition.store.entries[key]
    partition.handle([sighting(NOON + 2 * MINUTE, ALICE, "000000000003")])
    assert [topic for _, topic in partition.sent] == ["alert", "alert", "overflow"]
