"""The cap: how many alerts a principal gets in each five minutes (A3).

* Periods are aligned to the epoch and told by the sighting's time (M4), before 1970 as well.
* A bucket remembers the ids that it let through. An id that is in it goes through again and counts once; an id that is
  not in a full bucket overflows, however often it comes.
* When a bucket is written, the principal's buckets a day older than it are dropped. Not those a day older than the
  newest: after a kill a batch comes again to its old periods when its newest bucket may be there already (A2), and must
  find what it found the first time. In order of time the one written is the newest.
* A principal that goes quiet has no bucket written any more. Its last ones are over a week after that day: a replay of
  the last week still finds them. ``forget_after`` is about pairs and has no say in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.detection.memory import CapBucket

if TYPE_CHECKING:
    from streams.detection.decision import DecisionSettings
    from streams.detection.memory import PrincipalMemory
    from streams.rules.rule import Rule

BUCKET_LIFE = 86_400_000
"""How long after its start a bucket is kept at least, in milliseconds."""

QUIET_BUCKET_LIFE = 8 * BUCKET_LIFE
"""How long after its start a bucket is kept at most where the principal has no newer ones, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether an alert goes through, the bucket to write if it does, and the starts of the buckets to drop."""

    admitted: bool
    bucket: CapBucket | None = None
    dropped: tuple[int, ...] = ()


def admit(
    alert_id: str, time: int, memory: PrincipalMemory, rule: Rule, decision_settings: DecisionSettings
) -> Admission:
    """Let an alert of a sighting at ``time`` through, or send it to the overflow (A3)."""
    if decision_settings.max_alerts == 0:
        return Admission(admitted=True)
    start = bucket_start(time, rule)
    bucket = memory.bucket(start) or CapBucket(start, ())
    if alert_id not in bucket.alert_ids:
        if len(bucket.alert_ids) >= decision_settings.max_alerts:
            return Admission(admitted=False)
        bucket = CapBucket(start, (*bucket.alert_ids, alert_id))
    dropped = tuple(sorted(old for old in memory.bucket_starts() if start - old >= BUCKET_LIFE))
    return Admission(admitted=True, bucket=bucket, dropped=dropped)


def bucket_of(alert_id: str, time: int, memory: PrincipalMemory, rule: Rule) -> CapBucket | None:
    """The bucket that let this very alert through, for a repeat to write again (A2); ``None`` if none did."""
    bucket = memory.bucket(bucket_start(time, rule))
    return bucket if bucket is not None and alert_id in bucket.alert_ids else None


def is_over(start: int, now: int) -> bool:
    """Whether the bucket that begins at ``start`` is of no use at ``now``; milliseconds since the epoch."""
    return now - start > QUIET_BUCKET_LIFE


def bucket_start(time: int, rule: Rule) -> int:
    """Where the period of ``time`` begins, in milliseconds; floored, so that periods before 1970 are whole ones too."""
    return time // rule.cap_period * rule.cap_period
