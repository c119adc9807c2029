"""Days on which new pairs come, and how many entries a memory that forgets may hold then (M8)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sightings import ALICE, DAY, MINUTE, sighting

from streams.detection.cap import QUIET_BUCKET_LIFE
from streams.worker.state.sweep import STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.extraction.sighting import Sighting

START = int(datetime.fromisoformat("2024-01-01T00:00:00Z").timestamp() * 1000)
FIRST_ACCOUNT = "300000000000"
A_DAY = 6  # new pairs, each of a principal of its own: the most that a sighting can make the memory grow
PER_SIGHTING = 2  # entries that it then adds: the pair, and the cap bucket of its alert
BUCKET_DAYS = QUIET_BUCKET_LIFE // DAY


def days(first: int, last: int) -> Iterator[Sighting]:
    """New pairs, ``A_DAY`` of them on each of these days, and one pair that is seen on every day."""
    for day in range(first, last):
        yield sighting(START + day * DAY, ALICE)
        for number in range(A_DAY):
            principal = f"arn:aws:iam::111111111111:user/{day}-{number}"
            yield sighting(START + day * DAY + number * MINUTE, principal, f"{int(FIRST_ACCOUNT) + number}")


def entries_at_most(forget_days: int, batch: int) -> int:
    """How many entries there may be after a batch, where none has more sightings than ``batch``.

    Live are the pairs of the last ``forget_days`` and the cap buckets of a week. Going once round all E entries takes
    the sweep E / STEP sightings. Until then these have added ``PER_SIGHTING`` each, and what was over at the start of
    the round is deleted. So E stays at most live + E * PER_SIGHTING / STEP, which makes live * STEP / (STEP -
    PER_SIGHTING). What a batch adds itself is not swept before the next one.
    """
    live = 1 + (forget_days + BUCKET_DAYS + 1) * A_DAY
    return live * STEP // (STEP - PER_SIGHTING) + PER_SIGHTING * batch
