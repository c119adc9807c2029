"""Recovery of the table from its changelog, one fetch at a time.

Faust's own recovery makes an event of each record and takes it from a queue. A million records took 100 seconds of
processor time, 40 times as long as writing them to RocksDB. The rules here:

* The records that a fetch brings for a changelog partition are written at once: in one atomic write together with the
  new offset, within one step of the event loop. None of them waits in a queue. So none is left over when partitions are
  given up, and the store is a prefix of its changelog whenever the process dies.
* Only partitions that this worker holds now, as active or as standby, are written. Only records after the store's
  offset are written.
* A changelog partition is read without a gap, from a seek to the store's offset: ``consumer`` hands over everything
  that is fetched between the seek and the end of the assignment. Once a rebalance begins, it hands over nothing.
* A rebalance may come between any two steps. Then a new partition has no offset yet. The recovery of the previous
  assignment neither seeks it, which would fail, nor writes to it.
* Recovery ends when the position has passed the end that the changelog had at the beginning. Faust waits for a record
  at the last offset, which never comes if a transaction marker is there, or if compaction has removed the record.
* A write that fails stops the worker, and no write follows it. Faust's recovery would log the failure and go on without
  the records.
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
    """The part of a changelog partition that one fetch brought.

    Attributes:
        records: with ``offset``, ``key`` and ``value``, in the order of their offsets; may be empty.
        end: the offset from which the next fetch reads.
    """

    records: Sequence[Any]
    end: int


class Recovery(faust.tables.recovery.Recovery):  # type: ignore[misc]
    """Faust's recovery, also of standbys, with the records handed over as they are fetched."""

    _records = 0  # how many records this recovery has read

    def restore(self, tp: TP, part: ChangelogPart) -> None:
        """Write a part of a changelog partition, for recovery or for a standby.

        Raises:
            StoreError: RocksDB cannot write.
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
        # The first record may be known, because the seek was to the store's offset. The last record of a key counts.
        changes = {record.key: record.value for record in part.records if record.offset > reached}
        if changes:
            self.tp_to_table[tp].restore(tp.partition, changes, part.end - 1)
        offsets[tp] = max(reached, part.end - 1)
        # Faust reads these two to detect a recovery that makes no progress.
        self._last_flush_at = self._active_events_received_at[tp] = monotonic()
        self._records += len(part.records)
        if self.in_recovery and not self.need_recovery():
            log.info(
                "memory.restored", records=self._records, seconds=round(monotonic() - self._recovery_started_at, 1)
            )
            self._set_recovery_ended()
            self.signal_recovery_end.set()

    def standby_remaining(self) -> Counter[TP]:
        """How many changes are missing in each standby. Faust leaves out a standby that has none yet."""
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
        """Do not read Faust's queue: no changelog record comes through it."""

    @Service.timer(PROGRESS_SECONDS)  # type: ignore[untyped-decorator]
    async def _log_progress(self) -> None:
        remaining = self.active_remaining_total() if self.in_recovery else 0
        if remaining > 0:
            log.info("memory.restoring", remaining=remaining)


class Tables(faust.tables.manager.TableManager):  # type: ignore[misc]
    """Faust's table manager, with this module's recovery."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        """The recovery of all tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
