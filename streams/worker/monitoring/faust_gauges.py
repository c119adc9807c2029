"""The values of Faust's own monitor, under ``rootwatch_faust_``.

They are read from ``app.monitor`` on request. Faust's Prometheus sensor is not used, because it would observe each
event of each stream as it happens. What Faust does not see is left out: sends (``sender``) and acknowledgements
(``consumer``) go past it, the table is not written through it, and its web server is off.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from streams.worker.monitoring.gauges import Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streams.worker.monitoring.gauges import Samples
    from streams.worker.monitoring.view import FaustMonitor, Partition, WorkerView


def _value(read: Callable[[FaustMonitor], float]) -> Callable[[WorkerView], Samples]:
    return lambda app: [((), read(app.monitor))]


def _mean(read: Callable[[FaustMonitor], Collection[float]]) -> Callable[[WorkerView], Samples]:
    def mean(app: WorkerView) -> Samples:
        latest = read(app.monitor)
        return [((), fmean(latest))] if latest else []

    return mean


def _by_topic(app: WorkerView) -> Samples:
    for topic, count in app.monitor.messages_received_by_topic.items():
        yield (topic,), count


def _by_partition(read: Callable[[FaustMonitor], Mapping[Partition, int]]) -> Callable[[WorkerView], Samples]:
    def by_partition(app: WorkerView) -> Samples:
        assigned = app.consumer.assignment() if app.ready else ()
        for tp, value in read(app.monitor).items():
            if tp in assigned:  # the monitor also keeps values of partitions that other workers have now
                yield (tp.topic, str(tp.partition)), value

    return by_partition


_PARTITION = ("topic", "partition")

FAUST_GAUGES = (
    Gauge(
        "faust_messages_received",
        "Messages handed to streams, without those dropped at fetch.",
        _by_topic,
        ("topic",),
        "counter",
    ),
    Gauge(
        "faust_events",
        "Events that streams have begun to handle; each has up to 500 messages of one partition.",
        _value(lambda monitor: monitor.events_total),
        (),
        "counter",
    ),
    Gauge(
        "faust_buffer_full",
        "Waits because a stream's queue was full.",
        _by_partition(lambda monitor: monitor.topic_buffer_full),
        _PARTITION,
        "counter",
    ),
    Gauge(
        "faust_read_offset",
        "Offset last handed to a stream.",
        _by_partition(lambda monitor: monitor.tp_read_offsets),
        _PARTITION,
    ),
    Gauge(
        "faust_committed_offset",
        "Offset that this worker has committed: the next message to read.",
        _by_partition(lambda monitor: monitor.tp_committed_offsets),
        _PARTITION,
    ),
    Gauge(
        "faust_end_offset",
        "End of the partition, as the broker last reported it.",
        _by_partition(lambda monitor: monitor.tp_end_offsets),
        _PARTITION,
    ),
    Gauge(
        "faust_commit_seconds", "Mean duration of the last 30 commits.", _mean(lambda monitor: monitor.commit_latency)
    ),
    Gauge(
        "faust_rebalances",
        "Rebalances of the consumer group.",
        _value(lambda monitor: monitor.rebalances),
        (),
        "counter",
    ),
    Gauge(
        "faust_rebalance_seconds",
        "Mean duration of the last rebalances, from losing partitions to processing again, recovery included.",
        _mean(lambda monitor: monitor.rebalance_end_latency),
    ),
    Gauge(
        "faust_assignments",
        "Assignments that this worker made as leader.",
        _value(lambda monitor: monitor.assignments_completed),
        (),
        "counter",
    ),
    Gauge(
        "faust_assignment_failures",
        "Assignments that failed.",
        _value(lambda monitor: monitor.assignments_failed),
        (),
        "counter",
    ),
)
