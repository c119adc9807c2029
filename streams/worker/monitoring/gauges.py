"""Metrics that are read from the worker on request: a table of gauges, each with its labels and meaning.

A value that is not known yet (lag before partitions are assigned, pairs before the first census) has no sample instead
of an invented one. Nothing here accesses a disk or a network, because it runs in the event loop.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client import Metric

    from streams.worker.monitoring.rule_states import RuleCondition
    from streams.worker.monitoring.view import SessionCounts, WorkerView

    Samples = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric that is read on request.

    Attributes:
        name: without ``rootwatch_`` and, for a counter, without ``_total``.
        meaning: one sentence.
        read: takes the app; gives the values of the labels and the value, for each sample.
        labels: the names of the labels.
        kind: ``gauge``, or ``counter`` for what Faust counts.
    """

    name: str
    meaning: str
    read: Callable[[WorkerView], Samples]
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


class GaugeCollector(Collector):
    """Gives Prometheus' client the metrics of a table, with the app's present values."""

    def __init__(self, app: WorkerView, table: Sequence[Gauge]) -> None:
        self._app = app
        self._table = table

    def describe(self) -> Iterator[Metric]:
        """The metrics without samples; the registry calls this when the collector is registered."""
        return map(_family, self._table)

    def collect(self) -> Iterator[Metric]:
        """The metrics with their samples."""
        for gauge in self._table:
            family = _family(gauge)
            for labels, value in gauge.read(self._app):
                family.add_metric(labels, value)
            yield family


def _family(gauge: Gauge) -> GaugeMetricFamily | CounterMetricFamily:
    made = GaugeMetricFamily if gauge.kind == "gauge" else CounterMetricFamily
    return made(f"rootwatch_{gauge.name}", gauge.meaning, labels=gauge.labels)


def _lag(app: WorkerView) -> Samples:
    if not app.ready:
        return
    for found in app.consumer.progress():
        if found.lag is not None:
            yield (found.topic, str(found.partition)), found.lag


def _partitions(app: WorkerView) -> Samples:
    if not app.ready:
        return
    assigned = [tp.topic for tp in app.consumer.assignment()]
    for topic in sorted(app.topics_read):
        yield (topic,), assigned.count(topic)


def _missing(app: WorkerView) -> Samples:
    for topic in sorted(app.topics_read):
        yield (topic,), topic in app.missing_topics.names


def _recovery(app: WorkerView) -> Samples:
    remaining = app.recovery_remaining()
    yield ("active",), remaining.active
    yield ("standby",), remaining.standby


def _of_stores(*properties: str) -> Callable[[WorkerView], Samples]:
    def read(app: WorkerView) -> Samples:
        for partition, is_active, store in app.memory.stores():
            values = (store.property_int_value(f"rocksdb.{name}") or 0 for name in properties)
            yield (str(partition), "active" if is_active else "standby"), sum(values)

    return read


def _disk_bytes(app: WorkerView) -> Samples:
    for partition, is_active, store in app.memory.stores():
        size = app.disk_watch.store_bytes.get(store.path())
        if size is not None:
            yield (str(partition), "active" if is_active else "standby"), size


def _free_bytes(app: WorkerView) -> Samples:
    free = app.disk_watch.free_bytes
    return [] if free is None else [((), free)]


def _pairs(app: WorkerView) -> Samples:
    return [] if app.baseline.pairs is None else [((), app.baseline.pairs)]


def _oldest(app: WorkerView) -> Samples:
    return [] if app.baseline.oldest is None else [((), app.baseline.oldest / 1000)]


def _learn_until(app: WorkerView) -> Samples:
    until = app.baseline.learn_until
    return [] if until is None else [((), until / 1000)]


def _sessions(read: Callable[[SessionCounts], int]) -> Callable[[WorkerView], Samples]:
    def samples(app: WorkerView) -> Samples:
        if app.ready:  # before that, each look would read the tables
            yield (), read(app.session_indexes.counts(time.time_ns() // 1_000_000))

    return samples


def _rules(read: Callable[[RuleCondition], float]) -> Callable[[WorkerView], Samples]:
    def samples(app: WorkerView) -> Samples:
        for condition in app.rule_states.conditions(time.time_ns() // 1_000_000):
            yield (condition.rule_id,), read(condition)

    return samples


def _registry(app: WorkerView) -> Samples:
    reachable = app.registry_probe.reachable
    return [] if reachable is None else [((), reachable)]


GAUGES = (
    Gauge("ready", "1 once partitions are assigned and the table is recovered.", lambda app: [((), app.ready)]),
    Gauge(
        "seconds_since_poll",
        "Seconds since the consumer last asked the broker for records.",
        lambda app: [((), time.monotonic() - app.last_poll)],
    ),
    Gauge("partitions", "Partitions assigned to this worker.", _partitions, ("topic",)),
    Gauge("topic_missing", "1 while a topic that the worker reads is gone from the cluster.", _missing, ("topic",)),
    Gauge(
        "consumer_lag",
        "Messages between the committed offset and the end of the partition.",
        _lag,
        ("topic", "partition"),
    ),
    Gauge(
        "recovery_remaining",
        "Changes of the changelog that are still missing in this worker's table.",
        _recovery,
        ("role",),
    ),
    Gauge(
        "memory_entries",
        "Entries of the table, by RocksDB's own estimate.",
        _of_stores("estimate-num-keys"),
        ("partition", "role"),
    ),
    Gauge(
        "memory_disk_bytes",
        "Bytes of the table's files, RocksDB's logs included.",
        _disk_bytes,
        ("partition", "role"),
    ),
    Gauge(
        "memory_ram_bytes",
        "Bytes that RocksDB holds in memory: write buffers, block cache, indexes and filters.",
        _of_stores("cur-size-all-mem-tables", "block-cache-usage", "estimate-table-readers-mem"),
        ("partition", "role"),
    ),
    Gauge("memory_pairs", "Tuples remembered in this worker's own partitions, by the last census.", _pairs),
    Gauge(
        "memory_oldest_timestamp_seconds",
        "First sighting of the oldest tuple, by the last census, in seconds since the epoch.",
        _oldest,
    ),
    Gauge(
        "learning",
        "1 until learn_until has passed: until then sightings teach and do not alert.",
        lambda app: [((), app.baseline.learning)],
    ),
    Gauge(
        "rule_learning",
        "1 while a sighting of now teaches and does not alert, in any of this worker's own partitions.",
        _rules(lambda condition: condition.is_learning),
        ("rule",),
    ),
    Gauge(
        "rule_saturated",
        "1 while any of this worker's own partitions remembers max_entries tuples of the rule.",
        _rules(lambda condition: condition.is_saturated),
        ("rule",),
    ),
    Gauge(
        "rule_entries",
        "Tuples of the rule that this worker's own partitions remember.",
        _rules(lambda condition: condition.entries),
        ("rule",),
    ),
    Gauge("learn_until_timestamp_seconds", "The setting learn_until, in seconds since the epoch.", _learn_until),
    Gauge(
        "registry_reachable",
        "1 if the schema registry answered last time and has the alert schema; no sample without a registry.",
        _registry,
    ),
    Gauge("sessions_open", "Root sessions that wait for their summary.", _sessions(lambda found: found.open)),
    Gauge("sessions_due", "Keys of root sessions whose summary is due.", _sessions(lambda found: found.due)),
    Gauge(
        "session_actions_waiting",
        "Calls that may be of a root session and wait for its grant.",
        _sessions(lambda found: found.waiting),
    ),
    Gauge("state_dir_free_bytes", "Bytes free on the disk of state_dir.", _free_bytes),
)
