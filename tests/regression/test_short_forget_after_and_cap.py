"""With ``forget_after`` below a day, the sweep deleted cap buckets that still counted, and the cap let more through."""

from __future__ import annotations

from memory_store import Partition
from sightings import ALICE, MINUTE, NOON, sighting, with_settings

from streams.worker.state.sweep import Sweep


def test_a_late_sighting_of_a_full_period_overflows() -> None:
    """A3, M8: a bucket is kept, however early pairs are forgotten."""
    settings = with_settings(window=MINUTE, forget_after=MINUTE, max_alerts=1)
    partition = Partition(settings, Sweep())
    partition.handle([sighting(NOON, ALICE, "000000000001")])
    partition.handle([sighting(NOON + 6 * MINUTE, ALICE, "000000000002")])
    partition.handle([sighting(NOON + 2 * MINUTE, ALICE, "000000000003")])
    assert [topic for _, topic in partition.sent] == ["alert", "alert", "overflow"]
