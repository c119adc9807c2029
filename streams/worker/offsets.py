"""Which offset of a partition may be committed.

The rules:

* A delivered offset is open until it is done. Delivered again, as after seeking back, it is open again.
* Offsets that are never delivered (dropped at fetch, compacted away, transaction markers) are not open.
* What may be committed is the lowest open offset; with nothing open, the one after the highest delivered.

So an offset is committed only when everything before it is done (A2), whatever gaps there are and in whatever order
things become done.
"""

from __future__ import annotations

from sortedcontainers import SortedSet


class OpenOffsets:
    """The open offsets of one partition."""

    __slots__ = ("_next", "_open")

    def __init__(self) -> None:
        self._open: SortedSet[int] = SortedSet()
        self._next: int | None = None

    def deliver(self, offset: int) -> None:
        """Note that the record at ``offset`` goes to an agent now."""
        self._open.add(offset)
        self._next = offset + 1 if self._next is None else max(self._next, offset + 1)

    def done(self, offset: int) -> bool:
        """Note that the record at ``offset`` needs nothing more; false if it was not open."""
        if offset not in self._open:
            return False
        self._open.remove(offset)
        return True

    def committable(self) -> int | None:
        """Return the offset to commit, Kafka's way: that of the next record to read. ``None`` before any delivery."""
        return self._open[0] if self._open else self._next
