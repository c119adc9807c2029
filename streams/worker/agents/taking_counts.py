"""Counts what the rules take, and says which of them read the whole stream and how much of it they take (U10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from streams.rules.rule_set import reads_everything

if TYPE_CHECKING:
    from streams.pipeline import SightResult
    from streams.rules.rule_set import RuleSet
    from streams.worker.monitoring.counters import Metrics

log = structlog.get_logger(__name__)

SHARE_OF = 10_000
"""Of how many records the share that a rule takes is logged, once."""


class TakingCounts:
    """The counts of one worker."""

    def __init__(self, rules: RuleSet, metrics: Metrics) -> None:
        self._metrics = metrics
        self._records = 0
        self._taken = {compiled.rule.id: 0 for compiled in rules.rules if reads_everything(compiled)}

    def count(self, result: SightResult) -> None:
        """Count what the rules took of one message. Called by one thread at a time."""
        for rule_id, taking in result.rules.items():
            self._metrics.taken.labels(rule_id).inc(taking.taken)
            if taking.refreshed:
                self._metrics.refreshed.labels(rule_id).inc(taking.refreshed)
            if taking.cut:
                self._metrics.cut.labels(rule_id).inc(taking.cut)
            for field, records in taking.missing_terms.items():
                self._metrics.missing_terms.labels(rule_id, field).inc(records)
        if self._taken:
            self._count_share(result)

    def _count_share(self, result: SightResult) -> None:
        self._records += sum(result.records.values())
        for rule_id in self._taken:
            taking = result.rules.get(rule_id)
            self._taken[rule_id] += 0 if taking is None else taking.taken
        if self._records >= SHARE_OF:
            for rule_id, taken in self._taken.items():
                log.info(
                    "rule.share",
                    rule=rule_id,
                    records=self._records,
                    taken=taken,
                    share=round(taken / self._records, 4),
                )
            self._taken = {}
