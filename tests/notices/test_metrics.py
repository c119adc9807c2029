from __future__ import annotations

import urllib.request
from contextlib import closing

import pytest
from ports import HeldPort

from streams.errors import OperatorError
from streams.notices.metrics import NoticeMetrics


def test_metrics() -> None:
    """Outcomes are counted by service; what waits is asked for when somebody looks."""
    metrics = NoticeMetrics()
    waiting = {"slack-1": 0}
    metrics.watch(lambda: waiting)
    metrics.count("slack-1", "sent")
    metrics.count("slack-1", "sent")
    metrics.count("", "unreadable")
    waiting["slack-1"] = 3
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert values == {
        ("rootwatch_notices_total", "slack-1", "sent"): 2,
        ("rootwatch_notices_total", "", "unreadable"): 1,
        ("rootwatch_notices_waiting", "slack-1"): 3,
    }


def test_serving() -> None:
    """The metrics are served on the port; a port that is taken is named."""
    port = HeldPort()
    port.release()
    metrics = NoticeMetrics()
    metrics.serve("127.0.0.1", port.number)
    with closing(urllib.request.urlopen(f"http://127.0.0.1:{port.number}/metrics")) as answer:
        assert b"rootwatch_notices_waiting" in answer.read()
    with pytest.raises(OperatorError, match=f"--metrics-port = {port.number}: "):
        metrics.serve("127.0.0.1", port.number)
