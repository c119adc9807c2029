from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from streams.worker.monitoring.counters import BatchHistogram

BOUNDS = (0.005, 1, 2.5)


@given(st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(0, 10))))
@example([])
def test_amounts_that_are_observed_together(amounts: list[float]) -> None:
    """They are in the buckets of amounts that are observed one by one, those on a bound too, and add up to the same."""
    registry, expected = CollectorRegistry(), CollectorRegistry()
    BatchHistogram("seconds", "Some.", buckets=BOUNDS, registry=registry).observe_all(amounts)
    one_by_one = Histogram("seconds", "Some.", buckets=BOUNDS, registry=expected)
    for amount in amounts:
        one_by_one.observe(amount)
    for bound in ("0.005", "1.0", "2.5", "+Inf"):
        labels = {"le": bound}
        found = registry.get_sample_value("seconds_bucket", labels)
        assert found == expected.get_sample_value("seconds_bucket", labels)
    assert registry.get_sample_value("seconds_count") == len(amounts)
    assert registry.get_sample_value("seconds_sum") == pytest.approx(sum(amounts))
