"""The part of the past that is replayed: ``--from`` inclusive, ``--to`` exclusive."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400_000
"""Milliseconds of a day."""

LATE_DELIVERY = DAY
"""How much later than its event CloudTrail's file, or its Kafka record, is still looked for beyond ``--to``.

CloudTrail delivers within minutes as a rule, but promises no limit; a file's folder carries the day of delivery.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time in milliseconds since the epoch, UTC; ``None`` leaves a side open."""

    start: int | None = None
    end: int | None = None

    def __contains__(self, time: int) -> bool:
        """Whether ``time`` (milliseconds since the epoch) lies within."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def may_hold_files_of(self, first: int, after: int) -> bool:
        """Whether files delivered from ``first`` on and before ``after`` (milliseconds) may hold events within.

        Files are never older than their events but may be a day younger; clocks are granted a day as well.
        """
        if self.start is not None and after + DAY <= self.start:
            return False
        return self.end is None or first < self.end + LATE_DELIVERY
