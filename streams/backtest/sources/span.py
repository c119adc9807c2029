"""The part of the past that is replayed: ``--from`` inclusive, ``--to`` exclusive."""

from __future__ import annotations

from msgspec import Struct

DAY = 86_400_000
"""Milliseconds of a day."""

LATE_DELIVERY = DAY
"""How long after ``--to`` a file or a Kafka record may come that still holds an event from before ``--to``.

CloudTrail usually delivers within minutes, but promises no limit. A file's folder carries the day of delivery.
"""


class Span(Struct, frozen=True):
    """A half-open stretch of time in milliseconds since the epoch, UTC; ``None`` leaves a side open."""

    start: int | None = None
    end: int | None = None

    def __contains__(self, time: int) -> bool:
        """Whether ``time`` (milliseconds since the epoch) lies within the span."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def may_hold_files_of(self, first: int, after: int) -> bool:
        """Whether files delivered from ``first`` on and before ``after`` (milliseconds) may hold events of the span.

        Files are never older than their events, but may be a day younger. Clocks may differ by a day as well.
        """
        if self.start is not None and after + DAY <= self.start:
            return False
        return self.end is None or first < self.end + LATE_DELIVERY
