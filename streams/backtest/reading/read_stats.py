"""The counts of a replay's reading. The counts of chunks add up to the same in any order."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct, field

from streams.pipeline import Taking

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCATIONS_SHOWN = 10


class Location(Struct, frozen=True, order=True):
    """A location: a file and line, or a topic's partition and offset, and an element of the message.

    Attributes:
        source: a path, an ``s3://`` address, or ``topic[partition]``.
        number: the one-based line or the offset; -1 for a whole file.
        element: zero-based, as in the dead letter's header; -1 for the whole message.
    """

    source: str
    number: int = -1
    element: int = -1

    def __str__(self) -> str:
        number = "" if self.number < 0 else f":{self.number}"
        element = "" if self.element < 0 else f" element {self.element}"
        return f"{self.source}{number}{element}"


class Rejection(Struct, frozen=True, order=True):
    """A message or element that should have given a sighting and did not: its location, the reason, the error."""

    location: Location
    reason: str
    error: str


class ReadStats(Struct):
    """The counts of what was read.

    Attributes:
        messages: Kafka values, files or lines; blank lines do not count.
        unmarked: messages without any mark of the rule, of which only the first and last bytes were checked.
        records: CloudTrail records in the messages that were parsed.
        sightings: successful calls within the span, one per member account.
        outside_span: sightings, also incomplete ones, before ``--from`` or from ``--to`` on.
        rejected: how many elements or messages, by reason: ``incomplete``, ``malformed``, ``unknown-shape``,
            ``too-large``.
        rejections: the first ones by location.
        size: bytes read, as stored.
        failures: (path or partition, error) for what could not be read to its end.
        truncated: the requested offsets that are already deleted, with the offset where reading starts instead; and
            those that lie in or after an open transaction.
        warnings: what a person must know about the reading.
        rules: what each rule took of the records, by rule id, within the span.
    """

    messages: int = 0
    unmarked: int = 0
    records: int = 0
    sightings: int = 0
    outside_span: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    size: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rules: dict[str, Taking] = field(default_factory=dict)

    def reject(self, rejection: Rejection) -> None:
        """Count a rejection, and keep it if it is among the first."""
        self.rejected[rejection.reason] += 1
        self._keep([rejection])

    def take(self, takings: Mapping[str, Taking]) -> None:
        """Count what the rules took of one message, or of another chunk."""
        for rule_id, other in takings.items():
            taking = self.rules.setdefault(rule_id, Taking())
            taking.taken += other.taken
            taking.sightings += other.sightings
            taking.no_time += other.no_time
            taking.cut += other.cut
            for name, count in other.missing_terms.items():
                taking.missing_terms[name] = taking.missing_terms.get(name, 0) + count

    def add(self, other: ReadStats) -> None:
        """Add the counts of another chunk."""
        self.messages += other.messages
        self.unmarked += other.unmarked
        self.records += other.records
        self.sightings += other.sightings
        self.outside_span += other.outside_span
        self.rejected.update(other.rejected)
        self._keep(other.rejections)
        self.size += other.size
        self.failures.extend(other.failures)
        self.truncated.extend(other.truncated)
        self.warnings.extend(other.warnings)
        self.take(other.rules)

    def _keep(self, rejections: list[Rejection]) -> None:
        if len(self.rejections) < LOCATIONS_SHOWN:
            self.rejections = heapq.nsmallest(LOCATIONS_SHOWN, self.rejections + rejections)
            return
        for rejection in rejections:
            if rejection < self.rejections[-1]:
                self.rejections = heapq.nsmallest(LOCATIONS_SHOWN, [*self.rejections, rejection])
