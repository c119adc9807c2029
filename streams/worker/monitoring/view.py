"""The view of a running worker that metrics and health read. Nothing here changes the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from streams.worker.monitoring.baseline import Baseline
    from streams.worker.monitoring.counters import Metrics
    from streams.worker.monitoring.disk_watch import DiskWatch
    from streams.worker.monitoring.registry_probe import RegistryProbe
    from streams.worker.monitoring.rule_states import RuleCondition
    from streams.worker.state.table import OpenStore


class Partition(Protocol):
    """A partition of a topic, such as Faust's ``TP``."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""


class SessionCounts(NamedTuple):
    """How many root sessions and actions this worker remembers.

    Attributes:
        open: sessions that wait for their summary.
        due: keys whose summary is due.
        waiting: actions that wait for a grant.
    """

    open: int
    due: int
    waiting: int


class Remaining(NamedTuple):
    """How many changes of the changelog this worker's table still needs."""

    active: int
    standby: int


class Progress(Partition, Protocol):
    """How far a partition has been handled."""

    @property
    def lag(self) -> int | None:
        """How many messages are still to be handled; ``None`` while that is not known."""


class Sessions(Protocol):
    """What is read of the root sessions that this worker follows."""

    def counts(self, now: int) -> SessionCounts:
        """How many there are at ``now``, in milliseconds since the epoch."""


class Consumer(Protocol):
    """The consumer, as it is read here."""

    def assignment(self) -> Collection[Partition]:
        """The partitions that are assigned to this worker."""

    def progress(self) -> Iterable[Progress]:
        """How far each partition of the agents' topics has been handled."""


class Batches(Protocol):
    """The batches, as they are read here."""

    @property
    def in_hand(self) -> bool:
        """Whether any batch is being handled now."""


class MissingTopics(Protocol):
    """The topics that were deleted, as they are read here."""

    @property
    def names(self) -> Collection[str]:
        """The topics that the cluster no longer has."""


class Table(Protocol):
    """The memory's table, as it is read here."""

    def stores(self) -> Sequence[OpenStore]:
        """The stores that are open here, by partition."""


class RuleStates(Protocol):
    """What this worker knows of each rule, as it is read here."""

    def conditions(self, now: int, /) -> Iterable[RuleCondition]:
        """Give the condition of each rule at ``now``, in milliseconds since the epoch."""


class FaustMonitor(Protocol):
    """Faust's own monitor (``faust.sensors.monitor``), as it is read here; times in seconds."""

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
        failure: what has stopped the worker; ``None`` while it runs.
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
    def session_indexes(self) -> Sessions:
        """The root sessions."""

    @property
    def monitor(self) -> FaustMonitor:
        """Faust's monitor."""

    @property
    def missing_topics(self) -> MissingTopics:
        """Topics that were deleted."""

    @property
    def rule_states(self) -> RuleStates:
        """What this worker knows of each rule."""

    @property
    def baseline(self) -> Baseline:
        """The baseline's state."""

    @property
    def disk_watch(self) -> DiskWatch:
        """What was last seen of files."""

    @property
    def registry_probe(self) -> RegistryProbe:
        """The state of the schema registry."""

    @property
    def metrics(self) -> Metrics:
        """The counters."""

    def recovery_remaining(self) -> Remaining:
        """How many changes of the changelog are still to be read."""
