"""The catalogue of the worker's own metrics: each with its kind, its labels and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

if TYPE_CHECKING:
    from collections.abc import Sequence

# Alerts are to arrive within milliseconds of the fetch, but CloudTrail itself delivers minutes after the event.
_FETCH_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_EVENT_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 14400, 86400)


class Metrics:
    """One worker's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = self._counter("messages", "Messages fetched from source topics.", "topic")
        self.bytes = self._counter("bytes", "Bytes of the values of messages fetched from source topics.", "topic")
        self.skipped = self._counter(
            "skipped_at_fetch", "Messages dropped at fetch, as they hold no mark of the rule.", "topic"
        )
        self.records = self._counter("records", "CloudTrail records read from messages that may match.", "shape")
        self.sightings = self._counter("sightings", "Sightings sent to the sightings topic.")
        self.dead_letters = self._counter(
            "dead_letters", "Messages or elements sent to the dead-letter topic.", "reason"
        )
        self.decided = self._counter(
            "decided", "Sightings decided on: alert, overflow, known, late, learned or excepted.", "outcome"
        )
        self.alerts = self._counter(
            "alerts", "Alerts acknowledged by the broker, overflow not counted.", "rule", "novelty"
        )
        self.overflow = self._counter("overflow", "Alerts above the cap, sent to the overflow topic.", "rule")
        self.excepted = self._counter("excepted", "Sightings that an exception keeps from alerting.", "exception")
        self.forgotten = self._counter("forgotten", "Entries deleted as last seen longer ago than forget_after.")
        self.waits = self._counter("registry_waits", "Waits for a schema registry that did not answer.")
        self.event_to_alert = self._histogram(
            "event_to_alert_seconds", "From the event's time to the acknowledgement of its alert.", _EVENT_BUCKETS
        )
        self.fetch_to_alert = self._histogram(
            "fetch_to_alert_seconds",
            "From the fetch of a sighting to the acknowledgement of its alert.",
            _FETCH_BUCKETS,
        )
        self.build = Info("rootwatch_build", "Version of rootwatch, and the rule it runs.", registry=self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"rootwatch_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"rootwatch_{name}", meaning, buckets=buckets, registry=self.registry)

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        """Add a gauge whose value the worker knows when asked."""
        return Gauge(f"rootwatch_{name}", meaning, labels, registry=self.registry)

    def fetched(self, topic: str, records: Sequence[Any], kept: int) -> None:
        """Count one fetched batch of a source topic, of which ``kept`` may match. Called in the consumer's thread."""
        self.messages.labels(topic).inc(len(records))
        self.bytes.labels(topic).inc(sum(map(_size, records)))
        self.skipped.labels(topic).inc(len(records) - kept)


def _size(record: Any) -> int:
    size: int = record.serialized_value_size
    return max(0, size)  # -1 for a tombstone
