"""What a batch reads and takes is counted in sums, which are added to the counters when it ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from worker_process import accounts, assume_root

from streams.pipeline import sight
from streams.rules.rule_set import RuleSet
from streams.settings import Settings
from streams.worker.agents.refresh.dropped import Dropped
from streams.worker.agents.taking_counts import TakingCounts
from streams.worker.monitoring.counters import Metrics

if TYPE_CHECKING:
    import pytest

RULE = {"rule": "aws-sts-assume-root-rare-pair"}


def values(metrics: Metrics) -> list[float | None]:
    """What the counters say: records, taken, refreshed, sent, and records without a term."""
    read = metrics.registry.get_sample_value
    return [
        read("rootwatch_records_total", {"shape": "record"}),
        read("rootwatch_taken_total", RULE),
        read("rootwatch_refreshed_total", RULE),
        read("rootwatch_sightings_total", RULE),
        read("rootwatch_missing_terms_total", {**RULE, "field": "rootwatch.member_account"}),
    ]


def test_the_counters_have_all_of_a_batch_after_it() -> None:
    """Each message counts once, however many batches there are."""
    options, metrics = Settings(), Metrics()
    rules = options.load_rules()
    metrics.start_taking(compiled.rule for compiled in rules.rules)
    counts = TakingCounts(rules, metrics)
    one, other = accounts(2)
    known = json.dumps(assume_root(account=one)).encode()
    new = json.dumps(assume_root(account=other)).encode()
    without = json.dumps(assume_root(requestParameters=None, resources=[])).encode()
    for batch in (1, 2):
        for value in (known, new, without):
            result = sight(value, rules, options.extract_settings(), None, lambda _, values, __: values[1] == one)
            counts.count(result)
            for sighting in result.sightings:
                counts.add(metrics.sightings, sighting.rule_id)
        counts.flush()
        assert values(metrics) == [3.0 * batch, 3.0 * batch, batch, batch, batch]
    counts.flush()
    assert values(metrics) == [6.0, 6.0, 2.0, 2.0, 2.0]


def test_a_thread_that_outlives_its_batch_loses_no_count() -> None:
    """A large message is read in a thread, which a cancelled batch does not wait for: it counts while others flush."""
    options, metrics = Settings(), Metrics()
    rules = options.load_rules()
    metrics.start_taking(compiled.rule for compiled in rules.rules)
    counts = TakingCounts(rules, metrics)
    result = sight(json.dumps(assume_root()).encode(), rules, options.extract_settings())
    rounds = 2_000
    with ThreadPoolExecutor(2) as threads:
        counted = threads.submit(lambda: [counts.count(result) for _ in range(rounds)])
        flushed = threads.submit(lambda: [counts.flush() for _ in range(rounds)])
        counted.result()
        flushed.result()
    counts.flush()
    assert values(metrics)[:2] == [rounds, rounds]


def test_the_share_of_what_is_dropped_is_counted_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that outlives its batch counts the same share, and the count ends for both at once."""
    options, metrics = Settings(rules=["shipped"]), Metrics()
    everything = RuleSet(
        [
            replace(each.rule, query="event.outcome: *", event_source=None, event_name=None)
            for each in options.load_rules().rules[:1]
        ]
    )
    counts = TakingCounts(everything, metrics)
    locked: list[bool] = []
    monkeypatch.setattr(TakingCounts, "_count_share", lambda *_: locked.append(counts._lock.locked()))  # noqa: SLF001
    counts.count_dropped(Dropped("record", ()))
    assert locked == [True]
