"""The consumer's thread: fetches, filters, and notes each fetch in one step.

The rules:

* Only committed records are read: records of an aborted transaction do not alert.
* The records of a fetch and aiokafka's position after them are noted in one step per partition, before anything else
  can run. The position is also past what was dropped, aborted or compacted away, and past transaction markers. So all
  of that is committed too, but never ahead of a record that is still to be handled.
* A fetch ends after its timeout even if responses without records keep coming. aiokafka's own fetch starts its timeout
  again after each response.
* A fetch while no partition is active returns nothing. For aiokafka an empty set of partitions means all of them, and
  Faust would drop the records that it then hands over.
* If partitions are given up during a fetch, its records are put back.
* Far behind the end of a source topic, a fetch gathers what several responses leave. Elsewhere it never waits for more.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.consumer.bootstrap import learn_topics_before_assigning, wait_for_broker
from streams.worker.consumer.fetch.filtering_client import FETCH_WAIT_MS, FetchFilter, FilteringClient
from streams.worker.consumer.fetch.held_bytes import SESSIONS, SIGHTINGS, SOURCES, HeldBytes
from streams.worker.consumer.fetch.pace import PacedClient
from streams.worker.consumer.lease import Lease, renew_with_heartbeats
from streams.worker.consumer.progress import ask_progress
from streams.worker.failure import FailedInHand
from streams.worker.state.recovery import ChangelogPart

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from streams.topics.catalogue import TopicNames
    from streams.worker.consumer.fetch.pace import Batches
    from streams.worker.consumer.missing_topics import MissingTopics
    from streams.worker.consumer.progress import Progress
    from streams.worker.monitoring.counters import Metrics


# A source partition with so many offsets to read is far behind. Its records have waited longer than gathering takes.
FAR_BEHIND = 5000
# How long records are gathered, how many, and how many bytes.
GATHER_SECONDS = 0.05
GATHER_RECORDS = 250
GATHER_BYTES = 1024 * 1024


class Worker(Protocol):
    """The worker's app, as the thread uses it.

    Attributes:
        fetch_filter: decides which records of the source topics are kept.
        topic_names: the worker's own topics.
        missing_topics: watches for topics that are deleted.
        lease: renewed with each heartbeat.
        metrics: the counters.
        last_poll: when records were last asked for, by the monotonic clock; the thread sets it.
    """

    fetch_filter: FetchFilter
    topic_names: TopicNames
    missing_topics: MissingTopics
    lease: Lease
    metrics: Metrics
    last_poll: float

    @property
    def batches(self) -> Batches:
        """The batches that the agents have in hand."""


class Consumer(Protocol):
    """The consumer, as the thread uses it.

    Attributes:
        revocations: how often partitions have been given up.
    """

    revocations: int

    @property
    def flow_active(self) -> bool:
        """Whether records are handed over; false while partitions are being given up."""

    def follows(self, tp: TP, /) -> bool:
        """Whether records of this partition are being read."""


class ActivePartitions:
    """Faust's set of active partitions, with its present content at each look. Unlike a set it is true even if empty.

    Faust's set is empty for a moment between recovery and the first fetch of the streams, and a fetch may wait then.
    """

    def __init__(self, active: Container[TP], full: Container[str] = ()) -> None:
        """The partitions in ``active``, without the topics in ``full``, whose queue is full."""
        self._active = active
        self._full = full

    def __contains__(self, tp: object) -> bool:
        return tp in self._active and cast("TP", tp).topic not in self._full


class FetchResult(dict["TP", list[Any]]):
    """The records of a fetch for the streams, by partition, and the other results of the fetch.

    Attributes:
        revocations: how often partitions had been given up when the fetch began.
        positions: for each partition of the streams, the offset from which the next fetch reads.
        changelogs: the parts of the changelog partitions that are being read.
    """

    def __init__(self, revocations: int, records: Mapping[TP, list[Any]] | None = None) -> None:
        super().__init__(records or {})
        self.revocations = revocations
        self.positions: dict[TP, int] = {}
        self.changelogs: dict[TP, ChangelogPart] = {}


def raise_background_failure(consumer: Any) -> None:
    """Raise the error that has ended one of aiokafka's own tasks, as ``getmany`` would, which Faust does not call.

    aiokafka keeps an error that ends the membership of the group until it is asked, and sends no heartbeat meanwhile.
    It reports an error that has ended its fetcher nowhere.
    """
    consumer._coordinator.check_errors()  # noqa: SLF001  see above
    fetching = consumer._fetcher.error_future  # noqa: SLF001
    if fetching.done() and not fetching.cancelled():
        fetching.result()


class FetchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The consumer's thread; it drops what cannot match before it reaches the event loop."""

    app: Worker
    consumer: Consumer

    def _create_worker_consumer(self, transport: object) -> Any:
        consumer = super()._create_worker_consumer(transport)
        wait_for_broker(consumer._client)  # noqa: SLF001  aiokafka makes it public only in a producer
        # Faust has no setting for these two.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Install the filter before the fetcher fetches, which begins with the subscription."""
        await super().on_start()
        learn_topics_before_assigning(self._consumer)
        self.app.missing_topics.watch(self._consumer)
        renew_with_heartbeats(self._consumer, self.app.lease)
        fetcher = self._consumer._fetcher  # noqa: SLF001  aiokafka has no hook here
        fetch_filter = self.app.fetch_filter
        names = self.app.topic_names
        kinds = {names.sightings: SIGHTINGS, names.sessions: SESSIONS} | dict.fromkeys(
            fetch_filter.source_topics, SOURCES
        )
        held = HeldBytes(kinds, fetcher._records)  # noqa: SLF001
        fetcher._client = FilteringClient(  # noqa: SLF001
            PacedClient(fetcher._client, self.app.batches),  # noqa: SLF001
            fetch_filter,
            held,
            self.app.metrics,
            self._is_wanted,
        )

    def _is_wanted(self, topic: str, partition: int) -> bool:
        return topic not in self.app.topic_names.changelogs.values() or self.consumer.follows(TP(topic, partition))

    async def _fetch_records(
        self, consumer: Any, active_partitions: Container[TP] | None, **options: Any
    ) -> FetchResult:
        raise_background_failure(consumer)
        revocations = self.consumer.revocations
        if not self.consumer.flow_active:
            return FetchResult(revocations)  # the positions may be those of either assignment
        active = None if active_partitions is None else ActivePartitions(active_partitions)
        fetched = FetchResult(revocations, await self._records(consumer, active, **options))
        self.app.last_poll = time.monotonic()
        if revocations != self.consumer.revocations:
            # The records may be those of either assignment.
            self._put_back(fetched)
            return FetchResult(revocations)
        self._note_positions(fetched, active or ())
        for tp, records in fetched.items():
            if tp.topic in self.app.fetch_filter.source_topics:
                # The filter finds marks anywhere in the bytes; here each value is tested by itself.
                fetched[tp] = list(self._matching(tp, records))
                self.app.metrics.count_dropped(tp.topic, len(records) - len(fetched[tp]))
        return fetched

    def _matching(self, tp: TP, records: list[Any]) -> Iterator[Any]:
        fetch_filter = self.app.fetch_filter
        skip, select = fetch_filter.skips.of(tp.topic, tp.partition), fetch_filter.select
        for record in records:
            if record.offset in skip:
                yield record
                continue
            try:
                selected = select(record.value)
            except Exception as failure:
                raise FailedInHand(f"{tp.topic}:{tp.partition}:{record.offset}") from failure
            if selected is not None:
                record.value = selected  # a compressed value comes with its content
                yield record

    async def _records(
        self,
        consumer: Any,
        active: Container[TP] | None,
        *,
        timeout: float = 0,  # noqa: ASYNC109  Faust's name
        **options: Any,
    ) -> Any:
        """The records of these partitions that aiokafka holds; waits for one, so many seconds at most.

        While a source partition is far behind, gathers those of several responses: a round of acknowledgements then
        serves all of them.
        """
        until = time.monotonic() + timeout
        gathered: dict[TP, list[Any]] = {}
        while True:
            more = await super()._fetch_records(consumer, active, timeout=0, **options)
            if more and not gathered:
                until = min(until, time.monotonic() + GATHER_SECONDS)
            for tp, records in more.items():
                gathered.setdefault(tp, []).extend(records)
            left = until - time.monotonic()
            if left <= 0 or (gathered and not self._may_gather(gathered)):
                return gathered
            answer = consumer._fetcher._create_fetch_waiter()  # noqa: SLF001  its own ``fetched_records`` waits like this
            if not (await asyncio.wait([answer], timeout=left))[0]:
                answer.cancel()
            else:
                answer.result()  # raises an error of the group's coordinator

    def _may_gather(self, gathered: Mapping[TP, list[Any]]) -> bool:
        """Whether these records may wait for more: they are few and small, and the end of their topic is far."""
        if not self.consumer.flow_active or sum(map(len, gathered.values())) >= GATHER_RECORDS:
            return False
        sizes = (len(record.value or b"") for records in gathered.values() for record in records)
        return sum(sizes) < GATHER_BYTES and self._is_far_behind()

    def _is_far_behind(self) -> bool:
        """Whether a source partition has ``FAR_BEHIND`` offsets or more to read."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001  aiokafka's ``highwater`` may raise
        assignment = subscription and subscription.assignment
        states = (
            assignment.state_value(tp)
            for tp in (assignment.tps if assignment else ())
            if tp.topic in self.app.fetch_filter.source_topics
        )
        return any(
            state.has_valid_position
            and state.highwater is not None
            and min(state.highwater, state.highwater if state.lso is None else state.lso) - state.position >= FAR_BEHIND
            for state in states
        )

    def _note_positions(self, fetched: FetchResult, active: Container[TP]) -> None:
        """Note aiokafka's position in each partition, even without records; a changelog's records go with it."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001  position() may wait for another task
        assignment = subscription and subscription.assignment
        changelogs = self.app.topic_names.changelogs.values()
        for tp in assignment.tps if assignment else ():
            state = assignment.state_value(tp)
            if (tp not in fetched and tp not in active) or not state.has_valid_position:
                continue
            if tp.topic in changelogs:
                fetched.changelogs[tp] = ChangelogPart(fetched.pop(tp, []), state.position)
            else:
                fetched.positions[tp] = state.position

    async def source_progress(self) -> list[Progress] | None:
        """See ``ask_progress``. Not by Faust's queue of calls to this thread, where a commit would wait behind it."""
        return await ask_progress(self._consumer, self.app.fetch_filter.source_topics)

    def _put_back(self, fetched: FetchResult) -> None:
        for tp, records in fetched.items():
            with suppress(IllegalStateError):  # another worker has it by now
                self._consumer.seek(tp, records[0].offset)

    def _stopped_set(self) -> None:
        """Stop the thread; after a crash it has stopped by itself and closed its event loop."""
        with suppress(RuntimeError):
            super()._stopped_set()
