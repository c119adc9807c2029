"""Faust's own monitor, under ``rootwatch_faust_``.

Read from ``app.monitor`` when asked, and not by Faust's Prometheus sensor, which would observe each event of each
stream as it happens. Left out is what Faust does not see here: sends and acknowledgements go past it (see ``sender.py``
and ``transport.py``), the table is not written through it, and its web server is off.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from streams.worker.monitoring.gauges import Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.worker.monitoring.gauges import Samples


def _value(field: str) -> Callable[[Any], Samples]:
    return lambda app: [((), getattr(app.monitor, field))]


def _mean(field: str) -> Callable[[Any], Samples]:
    def read(app: Any) -> Samples:
        latest = getattr(app.monitor, field)
        return [((), fmean(latest))] if latest else []

    return read


def _by_topic(app: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    for topic, count in app.monitor.messages_received_by_topic.items():
        yield (topic,), count


def _by_partition(field: str) -> Callable[[Any], Samples]:
    def read(app: Any) -> Iterator[tuple[tuple[str, ...], float]]:
        assigned = app.consumer.assignment() if app.ready else ()
        for tp, value in getattr(app.monitor, field).items():
            if tp in assigned:  # the monitor keeps what it knew of partitions that went elsewhere
                yield (tp.topic, str(tp.partition)), value

    return read


_PARTITION = ("topic", "partition")

FAUST_GAUGES = (
    Gauge(
        "faust_messages_received",
        "Messages handed to streams; those dropped at fetch are not.",
        _by_topic,
        ("topic",),
        "counter",
    ),
    Gauge("faust_events", "Events that streams began with.", _value("events_total"), (), "counter"),
    Gauge(
        "faust_buffer_full",
        "Waits as a stream's queue was full.",
        _by_partition("topic_buffer_full"),
        _PARTITION,
        "counter",
    ),
    Gauge("faust_read_offset", "Offset last handed to a stream.", _by_partition("tp_read_offsets"), _PARTITION),
    Gauge(
        "faust_committed_offset",
        "Offset committed by this worker, of the next message to read.",
        _by_partition("tp_committed_offsets"),
        _PARTITION,
    ),
    Gauge("faust_end_offset", "End of the partition as last heard of.", _by_partition("tp_end_offsets"), _PARTITION),
    Gauge("faust_commit_seconds", "Mean of the last 30 commits.", _mean("commit_latency")),
    Gauge("faust_rebalances", "Rebalances of the consumer group.", _value("rebalances"), (), "counter"),
    Gauge(
        "faust_rebalance_seconds",
        "Mean of the last rebalances, from the loss of partitions to their processing again, recovery included.",
        _mean("rebalance_end_latency"),
    ),
    Gauge(
        "faust_assignments",
        "Assignments that this worker made as leader.",
        _value("assignments_completed"),
        (),
        "counter",
    ),
    Gauge("faust_assignment_failures", "Assignments that failed.", _value("assignments_failed"), (), "counter"),
)
