"""Days with new pairs, and how many entries a memory that forgets may have then (M8)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sightings import ALICE, DAY, MINUTE, sighting

from streams.detection.alerting.cap import QUIET_BUCKET_LIFE
from streams.worker.state.sweep import STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.sighting import Sighting

START = int(datetime.fromisoformat("2024-01-01T00:00:00Z").timestamp() * 1000)
FIRST_ACCOUNT = "300000000000"
A_DAY = 6  # new pairs, each with a new principal, which lets the memory grow most per sighting
PER_SIGHTING = 2  # entries per such sighting: the pair, and the cap bucket of its alert
BUCKET_DAYS = QUIET_BUCKET_LIFE // DAY


def days(first: int, last: int) -> Iterator[Sighting]:
    """``A_DAY`` new pairs on each of these days, and one pair that is seen every day."""
    for day in range(first, last):
        yield sighting(START + day * DAY, ALICE)
        for number in range(A_DAY):
            principal = f"arn:aws:iam::111111111111:user/{day}-{number}"
            yield sighting(START + day * DAY + number * MINUTE, principal, f"{int(FIRST_ACCOUNT) + number}")


def entries_at_most(forget_days: int, batch: int) -> int:
    """How many entries there may be after a batch, if no batch has more sightings than ``batch``.

    Live are the rule's state, the pairs of the last ``forget_days`` and the cap buckets of a week. One round over all E
    entries takes E / STEP sightings. They add ``PER_SIGHTING`` entries each, and the round deletes what was expired at
    its start. So E is at most live + E * PER_SIGHTING / STEP, which gives live * STEP / (STEP - PER_SIGHTING). The
    entries that a batch adds are not swept before the next batch.
    """
    live = 2 + (forget_days + BUCKET_DAYS + 1) * A_DAY
    return live * STEP // (STEP - PER_SIGHTING) + PER_SIGHTING * batch
