"""The cap: the maximum number of alerts per group and period (A3).

* Periods are aligned to the epoch, also before 1970. The sighting's time (M4) decides the period.
* A bucket remembers the ids that it let through. A remembered id goes through again and counts once. Any other id
  overflows if the bucket is full, however often it comes.
* When a bucket is written, the group's buckets that are a day older are deleted. The age is measured from the
  bucket being written, not from the newest one: after a crash a batch is replayed while its newest bucket may already
  be stored, and the replay must still find the old buckets (A2).
* For a quiet group no bucket is written any more. Its last buckets are kept for eight days in all, so that a replay
  of the last week finds them. ``forget_after`` is about tuples and does not matter here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from streams.detection.memory import CapBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.detection.decision import DecisionSettings
    from streams.detection.memory import GroupMemory
    from streams.rules.rule import Rule

BUCKET_LIFE = 86_400_000
"""The shortest time after its start that a bucket is kept, in milliseconds."""

QUIET_BUCKET_LIFE = 8 * BUCKET_LIFE
"""The longest time after its start that a bucket is kept if the group has no newer one, in milliseconds."""


class Admission(Struct, frozen=True, gc=False):
    """The cap's answer for one alert.

    Attributes:
        admitted: whether the alert goes through; if not, it overflows.
        bucket: the bucket to write; ``None`` if none is to be written.
        dropped: the starts of the buckets to delete, in milliseconds since the epoch.
    """

    admitted: bool
    bucket: CapBucket | None = None
    dropped: tuple[int, ...] = ()


def admit(alert_id: str, time: int, memory: GroupMemory, rule: Rule, decision_settings: DecisionSettings) -> Admission:
    """Decide whether the alert of a sighting at ``time`` goes through or overflows (A3)."""
    if decision_settings.max_alerts == 0:
        return Admission(admitted=True)
    start = bucket_start(time, rule)
    bucket = memory.bucket(start) or CapBucket(start, ())
    if alert_id not in bucket.alert_ids:
        if len(bucket.alert_ids) >= decision_settings.max_alerts:
            return Admission(admitted=False)
        bucket = CapBucket(start, (*bucket.alert_ids, alert_id))
    dropped = tuple(sorted(memory.buckets_until(start - BUCKET_LIFE)))
    return Admission(admitted=True, bucket=bucket, dropped=dropped)


def bucket_of(alert_id: Callable[[], str], time: int, memory: GroupMemory, rule: Rule) -> CapBucket | None:
    """Return the bucket that let an alert through before; a repeat writes it again (A2). ``None`` if none did.

    ``alert_id`` gives the alert's id. Most known sightings have no bucket, and need no id.
    """
    bucket = memory.bucket(bucket_start(time, rule))
    return bucket if bucket is not None and alert_id() in bucket.alert_ids else None


def is_over(start: int, now: int) -> bool:
    """Whether the bucket that begins at ``start`` is no longer needed at ``now``; milliseconds since the epoch."""
    return now - start > QUIET_BUCKET_LIFE


def bucket_start(time: int, rule: Rule) -> int:
    """Return the start of the period of ``time``, in milliseconds since the epoch, also before 1970."""
    return time // rule.cap_period * rule.cap_period
