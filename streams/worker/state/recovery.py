"""Recovery of the table from its changelog, a fetch at a time.

Faust's own recovery makes an event of each record and takes it from a queue: a million took a hundred seconds of
processor time, forty times what writing them to RocksDB takes. The rules here:

* What a fetch brings of a changelog partition is written at once, in one atomic write with the offset that it reaches,
  and within one step of the event loop. Nothing of it waits in a queue, so nothing is left of it when partitions are
  given up, and the store is a prefix of its changelog whenever the process dies.
* Only partitions that this worker holds now, as active or as standby, are written to; and only what lies after the
  offset that the store has reached.
* A changelog partition is read from a seek to that offset on and without a gap: ``transport`` hands over all that is
  fetched between the seek and the end of the assignment, or, in a rebalance, nothing any more.
* A rebalance may come between any two steps. What it has assigned and nobody has sought yet is neither sought on behalf
  of the assignment before, which fails, nor written.
* Recovery ends when all that was in the changelog at its beginning has been passed, and not only when its last record
  has come: there may be none at the last offset, but the marker of a transaction, or a place that compaction has
  emptied. Faust waits for a record there, for ever.
* A write that fails stops the worker, and none follows it. Faust's recovery says so and goes on, without the records.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import faust.tables.manager
import faust.tables.recovery
import structlog
from faust.tables.recovery import RebalanceAgain
from mode import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faust.types import TP

log = structlog.get_logger(__name__)

PROGRESS_SECONDS = 5.0


class ChangelogPart(NamedTuple):
    """What one fetch brought of a changelog partition.

    Attributes:
        records: with ``offset``, ``key`` and ``value``, in the order of their offsets; may be none.
        end: the offset from which the next fetch reads.
    """

    records: Sequence[Any]
    end: int


class Recovery(faust.tables.recovery.Recovery):  # type: ignore[misc]
    """Faust's recovery, and standby, with the records handed over as they are fetched."""

    _records = 0  # that this recovery has read

    def restore(self, tp: TP, part: ChangelogPart) -> None:
        """Write a part of a changelog partition that is read for recovery or as a standby.

        Raises:
            Exception: RocksDB cannot write; rocksdict raises nothing more precise.
        """
        if tp in self.active_tps:
            offsets = self.active_offsets
        elif tp in self.standby_tps:
            offsets = self.standby_offsets
        else:
            return
        reached = offsets[tp]
        if reached is None:
            return
        # The first record may be known: the seek was to the offset that was reached. Of a key the last record counts.
        changes = {record.key: record.value for record in part.records if record.offset > reached}
        if changes:
            self.tp_to_table[tp].restore(tp.partition, changes, part.end - 1)
        offsets[tp] = max(reached, part.end - 1)
        # What Faust's watch over a recovery that stands still goes by.
        self._last_flush_at = self._active_events_received_at[tp] = monotonic()
        self._records += len(part.records)
        if self.in_recovery and not self.need_recovery():
            log.info(
                "memory.restored", records=self._records, seconds=round(monotonic() - self._recovery_started_at, 1)
            )
            self._set_recovery_ended()
            self.signal_recovery_end.set()

    def standby_remaining(self) -> Counter[TP]:
        """How many changes each standby lacks; Faust leaves out one that has nothing yet."""
        offsets = self.standby_offsets
        return Counter(
            {
                tp: highwater - offsets[tp]
                for tp, highwater in self.standby_highwaters.items()
                if tp in self.standby_tps and offsets[tp] is not None
            }
        )

    def _set_recovery_started(self) -> None:
        self.signal_recovery_end.clear()
        self._records = 0
        super()._set_recovery_started()

    async def _seek_offsets(self, consumer: Any, tps: set[TP], offsets: Counter[TP], title: str) -> None:
        if any(offsets[tp] is None for tp in tps):
            raise RebalanceAgain
        await super()._seek_offsets(consumer, tps, offsets, title)

    @Service.task  # type: ignore[untyped-decorator]
    async def _slurp_changelogs(self) -> None:
        """Leave Faust's queue alone: no record of a changelog comes through it."""

    @Service.timer(PROGRESS_SECONDS)  # type: ignore[untyped-decorator]
    async def _say_progress(self) -> None:
        remaining = self.active_remaining_total() if self.in_recovery else 0
        if remaining > 0:
            log.info("memory.restoring", remaining=remaining)


class Tables(faust.tables.manager.TableManager):  # type: ignore[misc]
    """Faust's manager of tables, with this recovery."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """The recovery of all tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
