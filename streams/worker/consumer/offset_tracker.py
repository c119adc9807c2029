"""Which offset of a partition may be committed.

The rules:

* What a fetch hands over is noted at once: its records, which are open from then on until they are done, and the
  position that the client has reached. So the position is never known without the records before it.
* A record that is handed over again, as after seeking back, is open again.
* Offsets that are never handed over (dropped at fetch, compacted away, aborted, markers of transactions) are not open.
* What may be committed is the lowest open offset; with nothing open, the highest position reached.

So an offset is committed only when everything before it is done (A2), whatever gaps there are and in whatever order
things become done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortedcontainers import SortedSet

if TYPE_CHECKING:
    from collections.abc import Iterable


class OpenOffsets:
    """The open offsets of one partition."""

    __slots__ = ("_open", "_position")

    def __init__(self) -> None:
        self._open: SortedSet[int] = SortedSet()
        self._position: int | None = None

    def hand_over(self, offsets: Iterable[int], position: int) -> None:
        """Note what a fetch gave.

        Args:
            offsets: those of its records, which go to an agent now.
            position: the offset from which the next fetch reads; all before it that is to be handled was handed over.
        """
        self._open.update(offsets)
        self._position = position if self._position is None else max(self._position, position)

    def done(self, offset: int) -> bool:
        """Note that the record at ``offset`` needs nothing more; false if it was not open."""
        if offset not in self._open:
            return False
        self._open.remove(offset)
        return True

    def committable(self) -> int | None:
        """Return the offset to commit, Kafka's way: that of the next record to read. ``None`` before any fetch."""
        return self._open[0] if self._open else self._position
