"""After a kill between the buckets and the pairs of a batch over a day, an overflowed alert went to both topics."""

from __future__ import annotations

from memory_store import Partition
from sightings import ALICE, DAY, MINUTE, NOON, sighting, with_settings

SETTINGS = with_settings(window=10 * MINUTE, forget_after=2 * DAY, max_alerts=2)
# After two alerts in one period: one in another period, one above the cap of the first, one a day later.
TIMES = [(5, 2), (0, 0), (5, 1), (5, 3), (24 * 60 + 5, 0)]


def test_an_old_bucket_is_found_again() -> None:
    """A3: only a later bucket drops the buckets of old periods, so a repeat finds them as the first time."""
    sightings = [
        sighting(NOON + minute * MINUTE, ALICE, f"{account:012d}", event_id=f"event-{number}")
        for number, (minute, account) in enumerate(TIMES)
    ]
    for stored in range(len(TIMES)):
        partition = Partition(SETTINGS)
        partition.handle(sightings, stored=lambda _changes, kept=stored: kept)
        first = list(partition.sent)
        assert [topic for _, topic in first] == ["alert", "alert", "alert", "overflow", "alert"]
        partition.handle(sightings)
        assert set(partition.sent) == set(first)
