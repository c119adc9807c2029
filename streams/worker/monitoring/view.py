"""What metrics and health read of a running worker. Nothing here changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from streams.pipeline import DecisionSettings
    from streams.worker.monitoring.baseline import Baseline
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.monitoring.disk_watch import DiskWatch
    from streams.worker.monitoring.registry_probe import RegistryProbe
    from streams.worker.state.table import OpenStore


class Partition(Protocol):
    """A partition of a topic, such as Faust's ``TP``."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""


class Remaining(NamedTuple):
    """How many changes of the changelog this worker's table still needs."""

    active: int
    standby: int


class Consumer(Protocol):
    """What is read of the consumer."""

    def assignment(self) -> Collection[Partition]:
        """The partitions of this worker."""

    def lag(self) -> Iterable[tuple[str, int, int]]:
        """Topic, partition and how many messages are behind the committed offset, where that is known."""


class Batches(Protocol):
    """What is read of the batches."""

    @property
    def in_hand(self) -> bool:
        """Whether any batch is being handled now."""


class MissingTopics(Protocol):
    """What is read of the topics that were deleted."""

    @property
    def names(self) -> Collection[str]:
        """The topics that the cluster has had and has no more."""


class Table(Protocol):
    """What is read of the memory's table."""

    def stores(self) -> Sequence[OpenStore]:
        """The stores that are open here, by partition."""


class FaustMonitor(Protocol):
    """What is read of Faust's own monitor (``faust.sensors.monitor``); times in seconds."""

    messages_received_by_topic: Mapping[str, int]
    events_total: int
    topic_buffer_full: Mapping[Partition, int]
    tp_read_offsets: Mapping[Partition, int]
    tp_committed_offsets: Mapping[Partition, int]
    tp_end_offsets: Mapping[Partition, int]
    commit_latency: Collection[float]
    rebalances: int
    rebalance_end_latency: Collection[float]
    assignments_completed: int
    assignments_failed: int


class WorkerView(Protocol):
    """A worker.

    Attributes:
        ready: whether partitions are assigned and the table is recovered.
        failure: what has stopped the worker; ``None`` while nothing has.
        last_poll: when the consumer last asked for records, by the monotonic clock.
        topics_read: the source topics and the sightings topic.
    """

    ready: bool
    failure: BaseException | None
    last_poll: float
    topics_read: frozenset[str]

    @property
    def consumer(self) -> Consumer:
        """The consumer."""

    @property
    def batches(self) -> Batches:
        """The batches in hand."""

    @property
    def memory(self) -> Table:
        """The table."""

    @property
    def monitor(self) -> FaustMonitor:
        """Faust's monitor."""

    @property
    def missing_topics(self) -> MissingTopics:
        """Topics that were deleted."""

    @property
    def decision_settings(self) -> DecisionSettings:
        """How is decided."""

    @property
    def baseline(self) -> Baseline:
        """The baseline's state."""

    @property
    def disk_watch(self) -> DiskWatch:
        """What is known of files."""

    @property
    def registry_probe(self) -> RegistryProbe:
        """Whether the schema registry is there."""

    @property
    def metrics(self) -> Metrics:
        """What is counted."""

    def recovery_remaining(self) -> Remaining:
        """How much of the changelog is still to be read."""
