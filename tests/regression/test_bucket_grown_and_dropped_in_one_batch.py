"""A worker killed while it wrote a batch could send an alert that had overflowed to the alert topic as well (A3).

If a cap bucket grew in a batch, and a later sighting of the batch dropped it, only its deletion was written, after the
pairs. After a kill between the pairs, their alerts were not counted, and other alerts were let through instead.
"""

from __future__ import annotations

import pytest
from memory_store import Partition
from sightings import ALICE, DAY, NOON, sighting, with_settings

CAP = 6


@pytest.mark.parametrize("written", range(14))
def test_each_alert_goes_where_it_went(written: int) -> None:
    """A3: killed after any record of the batch's changelog, the alerts of a repeat go to the same topics."""
    partition = Partition(with_settings(max_alerts=CAP))
    partition.handle([sighting(NOON, ALICE, "000000000000")])
    batch = [sighting(NOON + number, ALICE, f"{number:012d}") for number in range(1, 10)]
    batch.append(sighting(NOON + DAY, ALICE, "000000000010"))
    partition.handle(batch, stored=lambda changes: min(changes, written))
    partition.handle(batch)
    assert [topic for _, topic in dict.fromkeys(partition.sent)] == ["alert"] * CAP + ["overflow"] * 4 + ["alert"]
