"""Counts what is read and taken, and says which rules read the whole stream and how much of it they take (U10).

A counter of prometheus_client takes a lock for each increment. So the counts of a batch are summed first; ``flush``
adds the sums to the counters.
"""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from streams.rules.rule_set import reads_everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import Counter

    from streams.pipeline import SightResult
    from streams.rules.rule_set import RuleSet
    from streams.worker.agents.refresh.dropped import Dropped
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)

SHARE_OF = 10_000
"""Of how many records the share that a rule takes is logged, once."""


class TakingCounts:
    """The counts of one worker. A thread that reads a large message may outlive its cancelled batch, hence the lock."""

    def __init__(self, rules: RuleSet, metrics: Metrics) -> None:
        self._metrics = metrics
        self._sums: defaultdict[tuple[Counter, str], int] = defaultdict(int)
        self._counters: dict[tuple[Counter, str], Counter] = {}
        self._dropped: defaultdict[Dropped, int] = defaultdict(int)
        self._lock = Lock()
        self._records = 0
        self._taken = {compiled.rule.id: 0 for compiled in rules.rules if reads_everything(compiled)}

    def add(self, counter: Counter, label: str) -> None:
        """Count one more under a label."""
        with self._lock:
            self._sums[counter, label] += 1

    def count(self, result: SightResult) -> None:
        """Count what was read of one message, and what the rules took of it."""
        with self._lock:
            self._count(result)

    def count_dropped(self, dropped: Dropped) -> None:
        """Count one more message of which nothing is sent; only the thread that flushes may call this."""
        self._dropped[dropped] += 1
        if self._taken:
            with self._lock:
                self._count_share(1, {known.rule_id: 1 for known in dropped.tuples})

    def _count(self, result: SightResult) -> None:
        metrics, sums = self._metrics, self._sums
        for shape, records in result.records.items():
            sums[metrics.records, shape] += records
        if result.passed_over:
            metrics.passed_over.inc(sum(result.passed_over.values()))
        for reason, count in result.no_candidates.items():
            if reason != "not-root":
                sums[metrics.no_candidates, reason] += count
        for rule_id, taking in result.rules.items():
            sums[metrics.taken, rule_id] += taking.taken
            if taking.refreshed:
                sums[metrics.refreshed, rule_id] += taking.refreshed
            if taking.cut:
                sums[metrics.cut, rule_id] += taking.cut
            for field, records in taking.missing_terms.items():
                metrics.missing_terms.labels(rule_id, field).inc(records)
        if self._taken:
            taken = {rule_id: taking.taken for rule_id, taking in result.rules.items()}
            self._count_share(sum(result.records.values()), taken)

    def flush(self) -> None:
        """Add what was counted to the counters."""
        with self._lock:
            for dropped, number in self._dropped.items():
                self._sum_dropped(dropped, number)
            self._dropped.clear()
            for labelled, number in self._sums.items():
                counter = self._counters.get(labelled)
                if counter is None:
                    counter = self._counters[labelled] = labelled[0].labels(labelled[1])
                counter.inc(number)
            self._sums.clear()

    def _sum_dropped(self, dropped: Dropped, number: int) -> None:
        metrics, sums = self._metrics, self._sums
        sums[metrics.records, dropped.shape] += number
        if not dropped.tuples:
            metrics.passed_over.inc(number)
        for known in dropped.tuples:
            sums[metrics.taken, known.rule_id] += number
            sums[metrics.refreshed, known.rule_id] += number

    def _count_share(self, records: int, taken: Mapping[str, int]) -> None:
        self._records += records
        for rule_id in self._taken:
            self._taken[rule_id] += taken.get(rule_id, 0)
        if self._records >= SHARE_OF:
            for rule_id, number in self._taken.items():
                log.info(
                    "rule.share",
                    rule=rule_id,
                    records=self._records,
                    taken=number,
                    share=round(number / self._records, 4),
                )
            self._taken = {}
