"""The worker's own metrics that are counted as things happen: each with its kind, its labels and its meaning.

Metrics that are read from the worker on request (lag, memory, recovery) are in ``gauges``, those of Faust's monitor in
``faust_gauges``. All three share one registry. docs/operations.md lists it, and a test compares the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from typing import TYPE_CHECKING, Any, Protocol, Self

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from streams import __version__
from streams.pipeline import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.rules.rule import Rule
    from streams.topics.catalogue import TopicNames

# Alerts should arrive within milliseconds of the fetch, but CloudTrail itself delivers minutes after the event.
_FETCH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CLOSE_BUCKETS = (1, 5, 10, 15, 30, 60, 300, 900, 3600, 14400, 86400)
_EVENT_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 14400, 86400)

RULE_LABELS = ("id", "version", "severity", "window_seconds", "max_alerts")

# Otherwise each counter has a second series, with the time of its creation, that nothing here uses.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class FetchCounts(Protocol):
    """What one fetch brought of a source partition.

    Attributes:
        records: how many records.
        skipped: how many of them were dropped.
        size: bytes of the records, decompressed.
        newest: the latest Kafka timestamp, in milliseconds since the epoch; -1 if there is none.
    """

    records: int
    skipped: int
    size: int
    newest: int


class LabelledCounter(Counter):
    """A counter that keeps the children it has given: prometheus_client takes a lock and makes texts for each look."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self._given: dict[tuple[object, ...], Self] = {}
        super().__init__(*arguments, **settings)

    def labels(self, *values: object, **named: object) -> Self:
        """Return the child of these values of the labels, as prometheus_client does."""
        if named:
            return super().labels(*values, **named)
        child = self._given.get(values)
        if child is None:
            child = self._given[values] = super().labels(*values)
        return child


class BatchHistogram(Histogram):
    """A histogram that observes the amounts of a batch together: one by one, each would take three locks."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe amounts, as ``observe`` does each."""
        self._sum.inc(sum(amounts))
        places = Counts(bisect_left(self._upper_bounds, amount) for amount in amounts)
        for place, count in places.items():
            self._buckets[place].inc(count)


class Metrics:
    """One worker's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # The order is that of the documentation.
        self._create_reading()
        self._create_deciding()
        self._create_tracing()
        self._create_sending()
        self._create_latencies()
        self._create_about()

    def _create_reading(self) -> None:
        """Create what the fetch and the sight agent count."""
        self.messages = self._counter("messages", "Messages fetched from source topics.", "topic")
        self.bytes = self._counter(
            "bytes", "Bytes of the messages fetched from source topics, with keys and headers, decompressed.", "topic"
        )
        self.skipped = self._counter(
            "skipped_at_fetch", "Messages dropped at fetch because they hold no mark of the rule.", "topic"
        )
        self.last_record = self._gauge(
            "last_record_timestamp_seconds",
            "Kafka's timestamp of the newest message fetched from a source partition, in seconds since the epoch.",
            "topic",
            "partition",
        )
        self.records = self._counter("records", "CloudTrail records read from messages that may match.", "shape")
        self.passed_over = self._counter(
            "passed_over", "Records and other elements that are no sighting, in messages that may match."
        )
        self.taken = self._counter("taken", "Records that the rule's query takes.", "rule")
        self.missing_terms = self._counter(
            "missing_terms", "Records that the rule takes and that have no value of this term.", "rule", "field"
        )
        self.cut = self._counter("cut", "Combinations of terms above the 100 that a record may have.", "rule")
        self.sightings = self._counter("sightings", "Sightings sent to the sightings topic.", "rule")
        self.refreshed = self._counter(
            "refreshed", "Sightings not sent, because their terms were sent less than refresh ago.", "rule"
        )
        self.dead_letters = self._counter(
            "dead_letters", "Messages or elements sent to the dead-letter topic.", "reason"
        )
        # Each starts at zero, so that a rate or an increase sees the first one.
        for reason in ("incomplete", "malformed", "unknown-shape", "too-large", "skipped"):
            self.dead_letters.labels(reason)

    def _create_deciding(self) -> None:
        """Create what the detect agent counts."""
        self.decided = self._counter(
            "decided",
            "Sightings decided on: alert, overflow, known, late, learned, excepted, unknown or gone.",
            "rule",
            "outcome",
        )
        self.alerts = self._counter("alerts", "Alerts acknowledged by the broker, without overflow.", "rule", "novelty")
        self.overflow = self._counter(
            "overflow", "Alerts sent to the overflow topic: above the cap, or unknown.", "rule"
        )
        self.excepted = self._counter(
            "excepted", "Sightings that match an exception: they neither alert nor teach.", "exception"
        )
        self.forgotten = self._counter(
            "forgotten",
            "Entries deleted: tuples last seen longer ago than forget_after, cap buckets older than a week.",
        )
        self.decided.labels("", "gone")  # at zero, see above

    def _create_tracing(self) -> None:
        """Create what the trace agent counts, and what the sight agent counts for it."""
        self.actions = self._counter(
            "session_actions", "Calls that may be of a root session, sent to the sessions topic."
        )
        self.no_candidates = self._counter(
            "session_no_candidates", "Records of root that cannot be of a root session, by the reason.", "reason"
        )
        self.session_items = self._counter("session_items", "Grants, actions and closes handled.", "outcome")
        self.session_drops = self._counter(
            "session_drops", "Actions that will never join a session, and grants that open none.", "reason"
        )
        self.activities = self._counter("activity", "Actions that joined a session.", "rule", "severity")
        self.summaries = self._counter("session_summaries", "Summaries of root sessions.", "rule", "severity")
        self.close_delay = self._histogram(
            "session_close_seconds", "From when a summary was due to its acknowledgement.", _CLOSE_BUCKETS
        )
        for outcome in ("opened", "joined", "waiting", "repeat", "dropped", "closed", "not-due"):  # at zero, see above
            self.session_items.labels(outcome)
        for reason in ("no-grant", "key-full", "partition-full", "too-many-grants"):
            self.session_drops.labels(reason)

    def _create_sending(self) -> None:
        """Create what the clients of Kafka and of the schema registry count."""
        self.sent = self._counter("sent", "Records that the broker has acknowledged.", "topic")
        self.send_failures = self._counter(
            "send_failures", "Records that the broker refused or did not acknowledge; each stops the worker.", "topic"
        )
        self.offset_resets = self._counter(
            "offset_resets",
            "Offsets to be read next that the broker no longer had: it had deleted records before they were read.",
            "topic",
        )
        self.waits = self._counter("registry_waits", "Waits for a schema registry that did not answer.")

    def _create_latencies(self) -> None:
        """Create the histograms of how long an alert takes."""
        self.event_to_alert = self._histogram(
            "event_to_alert_seconds", "From the event's time to the acknowledgement of its alert.", _EVENT_BUCKETS
        )
        self.fetch_to_alert = self._histogram(
            "fetch_to_alert_seconds",
            "From the fetch of a sighting to the acknowledgement of its alert.",
            _FETCH_BUCKETS,
        )

    def _create_about(self) -> None:
        """Create what says which version, rule and process this is."""
        self.build = Info("rootwatch_build", "Version of rootwatch.", registry=self.registry)
        self.build.info({"version": __version__})
        self.rule_info = self._gauge("rule_info", "A rule that the worker runs, overrides included.", *RULE_LABELS)
        # Resident memory, processor seconds, start time, open files: rootwatch_process_…
        ProcessCollector(namespace="rootwatch", registry=self.registry)

    def start_taking(self, rules: Iterable[Rule]) -> None:
        """Start the counters of the sight agent at zero for each rule."""
        for rule in rules:
            for counter in (self.taken, self.cut, self.sightings, self.refreshed):
                counter.labels(rule.id)
            for field in rule.terms:
                self.missing_terms.labels(rule.id, field)

    def start(self, rules: Iterable[Rule], sources: Iterable[str], names: TopicNames) -> None:
        """Show which rules the worker runs, and start the counters per rule and topic at zero.

        Otherwise a source that is silent from the start would have no rate, and so no alert.
        """
        for topic in sources:
            for counter in (self.messages, self.bytes, self.skipped, self.offset_resets):
                counter.labels(topic)
        self.offset_resets.labels(names.sightings)
        self.offset_resets.labels(names.sessions)
        sent = (names.sightings, names.sessions, names.alerts, names.overflow, names.activity, names.session_summaries)
        as_json = () if names.alerts_json is None else (names.alerts_json,)
        for topic in (*sent, *as_json, names.dead_letter, *names.changelogs.values()):
            for counter in (self.sent, self.send_failures):
                counter.labels(topic)
        for rule in rules:
            self._start_rule(rule)

    def _start_rule(self, rule: Rule) -> None:
        for outcome in OUTCOMES:
            self.decided.labels(rule.id, outcome)
        self.overflow.labels(rule.id)
        for novelty in ("first", "returned"):
            self.alerts.labels(rule.id, novelty)
        for severity in ("low", "medium", "high"):
            self.activities.labels(rule.id, severity)
            self.summaries.labels(rule.id, severity)
        values = (rule.id, str(rule.version), rule.severity, str(rule.window // 1000), str(rule.max_alerts))
        self.rule_info.labels(*values).set(1)

    def count_fetched(self, topic: str, partition: int, fetched: FetchCounts) -> None:
        """Count what one fetch brought of one source partition. Called in the consumer's thread."""
        self.messages.labels(topic).inc(fetched.records)
        self.bytes.labels(topic).inc(fetched.size)
        self.skipped.labels(topic).inc(fetched.skipped)
        if fetched.newest >= 0:
            self.last_record.labels(topic, partition).set(fetched.newest / 1000)

    def count_dropped(self, topic: str, dropped: int) -> None:
        """Count records of a source topic that were dropped after unpacking. Called in the consumer's thread."""
        self.skipped.labels(topic).inc(dropped)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return LabelledCounter(f"rootwatch_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"rootwatch_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> BatchHistogram:
        return BatchHistogram(f"rootwatch_{name}", meaning, buckets=buckets, registry=self.registry)
