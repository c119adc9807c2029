"""For how long the group has been behind its source topics.

Not by Kafka's timestamps, which producers may set to anything. The rules:

* A partition is behind until the end at which it was first seen has been handled: a backlog of days is not known by its
  age, but by having been there from the start.
* After that it is behind since the last look at which it did not have an end yet that has not been handled. So no pause
  between two looks (a recovery, a frozen machine) hides what has come in it.
* A partition of which nothing was committed yet is not known to be handled.
* An end that moves back is of a topic that was made anew: the partition is then seen for the first time.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Progress(Protocol):
    """How far a partition has been handled, as the consumer says."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its number."""

    @property
    def done(self) -> int | None:
        """The next offset to be handled."""

    @property
    def end(self) -> int | None:
        """The end of the partition."""


class SourceLag:
    """Knows the partitions from one look to the next."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], deque[tuple[float, int]]] = {}
        self._looked = -math.inf

    def look(self, now: float, partitions: Iterable[Progress]) -> float:
        """Look at the partitions, and return for how many seconds the one that is furthest behind has been so.

        Args:
            now: a monotonic clock, in seconds.
            partitions: all of the source topics; others are forgotten.

        Returns:
            0 if none is behind; infinite while one is behind from the start, or nothing is known of it.
        """
        ends: dict[tuple[str, int], deque[tuple[float, int]]] = {}
        longest = 0.0
        for found in partitions:
            where = (found.topic, found.partition)
            if found.end is None or found.done is None:
                longest = math.inf
                continue
            known = self._ends.get(where)
            if known is None or found.end < known[-1][1]:
                known = deque([(-math.inf, found.end)])
            ends[where] = known
            if found.end > known[-1][1]:
                known.append((self._looked, found.end))
            while len(known) > 1 and known[0][1] <= found.done:
                known.popleft()
            since, end = known[0]
            if end > found.done:
                longest = max(longest, now - since)
        self._ends, self._looked = ends, now
        return longest
