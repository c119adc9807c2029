"""Which offset of a partition may be committed.

The rules:

* Offsets are delivered in ascending order; one at or below the last delivered is a repeat and changes nothing.
* A delivered offset is open until it is done. Offsets that are never delivered (dropped at fetch, compacted away,
  transaction markers) are not open.
* What may be committed is the lowest open offset; with nothing open, the one after the last delivered.

So an offset is committed only when everything before it is done (A2), whatever gaps there are and in whatever order
things become done.
"""

from __future__ import annotations

from collections import OrderedDict


class OpenOffsets:
    """The open offsets of one partition."""

    __slots__ = ("_next", "_open")

    def __init__(self) -> None:
        self._open: OrderedDict[int, None] = OrderedDict()
        self._next = -1

    def deliver(self, offset: int) -> None:
        """Note that the record at ``offset`` goes to an agent now."""
        if offset >= self._next:
            self._open[offset] = None
            self._next = offset + 1

    def done(self, offset: int) -> bool:
        """Note that the record at ``offset`` needs nothing more; false if it was not open."""
        if offset not in self._open:
            return False
        del self._open[offset]
        return True

    def committable(self) -> int | None:
        """Return the offset to commit, Kafka's way: that of the next record to read. ``None`` before any delivery."""
        if self._open:
            return next(iter(self._open))
        return self._next if self._next >= 0 else None
