"""Decides which offset of a partition may be committed.

The rules:

* The records of a fetch and the position after them are noted in one step. So the position is never noted without the
  records before it. A record is open from then on until it is done.
* A record that is handed over again, for example after seeking back, is open again.
* Offsets that are never handed over (dropped at fetch, compacted away, aborted, markers of transactions) are not open.
* The lowest open offset may be committed. If none is open, the highest position may be committed.

So an offset is committed only when everything before it is done (A2), whatever gaps there are, and in whatever order
records become done.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class OffsetTracker:
    """The open offsets of one partition."""

    __slots__ = ("_open", "_order", "_position")

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._order: list[int] = []  # a heap of the open offsets; done ones may be left in it
        self._position: int | None = None

    def hand_over(self, offsets: Iterable[int], position: int) -> None:
        """Note what a fetch hands over.

        Args:
            offsets: the offsets of its records, which go to an agent now.
            position: the offset from which the next fetch reads; every record before it that matters was handed over.
        """
        for offset in offsets:
            if offset not in self._open:
                self._open.add(offset)
                heappush(self._order, offset)
        self._position = position if self._position is None else max(self._position, position)

    def done(self, offsets: Iterable[int]) -> None:
        """Note that the records at these offsets are done."""
        self._open.difference_update(offsets)

    def committable(self) -> int | None:
        """Return the offset to commit, which for Kafka is the next one to read; ``None`` before any fetch."""
        order = self._order
        while order and order[0] not in self._open:
            heappop(order)
        return order[0] if order else self._position
