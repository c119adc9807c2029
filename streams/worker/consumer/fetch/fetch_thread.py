"""The consumer's thread: what a fetch gives, noted in one step.

The rules:

* Only what is committed is read: what a transaction wrote and took back alerts nowhere.
* What a fetch gives is noted in one step, before anything else can run: per partition the records, as open, and
  aiokafka's position after them, which is also past what was dropped, aborted or compacted away and past the markers of
  transactions. So that is committed too, and never ahead of a record that is still to be handled.
* A fetch ends after its time, also if answers without a record never cease: aiokafka's own waits anew after each.
* A fetch while no partition is active gives nothing: to aiokafka an empty set of partitions means all of them, and
  Faust throws away what it then hands over.
* Records of a fetch that was under way while partitions were given up are put back.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver

from streams.worker.consumer.bootstrap import learn_topics_before_assigning, wait_for_broker
from streams.worker.consumer.fetch.filtering_client import FETCH_WAIT_MS, FetchFilter, FilteringClient
from streams.worker.consumer.fetch.held_bytes import SIGHTINGS, SOURCES, HeldBytes
from streams.worker.consumer.lease import Lease, renew_with_heartbeats
from streams.worker.failure import FailedInHand
from streams.worker.state.recovery import ChangelogPart

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from faust.types import TP

    from streams.topics.catalogue import TopicNames
    from streams.worker.consumer.missing_topics import MissingTopics
    from streams.worker.monitoring.counters import Metrics


class Worker(Protocol):
    """What the thread needs of the worker's app.

    Attributes:
        fetch_filter: what is left of the source topics.
        topic_names: the worker's own topics.
        missing_topics: watches for topics that are deleted.
        lease: renewed with each heartbeat.
        metrics: what is counted.
        last_poll: set to when records were last asked for, by the monotonic clock.
    """

    fetch_filter: FetchFilter
    topic_names: TopicNames
    missing_topics: MissingTopics
    lease: Lease
    metrics: Metrics
    last_poll: float


class Consumer(Protocol):
    """What the thread needs of the consumer.

    Attributes:
        revocations: how often partitions have been given up.
    """

    revocations: int

    @property
    def flow_active(self) -> bool:
        """Whether records are handed over; false while partitions are being given up."""


class ActivePartitions:
    """Faust's set of active partitions, as it is whenever aiokafka looks; unlike a set never false, even if empty.

    Between recovery and the first fetch of the streams Faust's set is empty for a moment, in which a fetch may wait.
    """

    def __init__(self, active: Container[TP], full: Container[str] = ()) -> None:
        """As ``active`` says, but none of the topics whose queue is full."""
        self._active = active
        self._full = full

    def __contains__(self, tp: object) -> bool:
        return tp in self._active and cast("TP", tp).topic not in self._full


class FetchResult(dict["TP", list[Any]]):
    """Records for the streams by partition, and what else a fetch brought.

    Attributes:
        revocations: how often partitions had been given up when the records were asked for.
        positions: of the partitions for the streams, the offset from which the next fetch reads.
        changelogs: the parts of the changelog partitions that are being read.
    """

    def __init__(self, revocations: int, records: Mapping[TP, list[Any]] | None = None) -> None:
        super().__init__(records or {})
        self.revocations = revocations
        self.positions: dict[TP, int] = {}
        self.changelogs: dict[TP, ChangelogPart] = {}


def raise_background_failure(consumer: Any) -> None:
    """Raise what has ended one of aiokafka's own tasks, as its ``getmany`` would, which Faust goes around.

    What ends the membership of the group it keeps until it is asked, and sends no heartbeat meanwhile. What has ended
    its fetcher it tells nobody.
    """
    consumer._coordinator.check_errors()  # noqa: SLF001  see above
    fetching = consumer._fetcher.error_future  # noqa: SLF001
    if fetching.done() and not fetching.cancelled():
        fetching.result()


class FetchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The consumer's thread; it drops what cannot match before the event loop hears of it."""

    app: Worker
    consumer: Consumer

    def _create_worker_consumer(self, transport: object) -> Any:
        consumer = super()._create_worker_consumer(transport)
        wait_for_broker(consumer._client)  # noqa: SLF001  aiokafka shows it of a producer only
        # Faust has no setting for these two.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Put the filter before the fetcher, which fetches nothing before the subscription."""
        await super().on_start()
        learn_topics_before_assigning(self._consumer)
        self.app.missing_topics.watch(self._consumer)
        renew_with_heartbeats(self._consumer, self.app.lease)
        fetcher = self._consumer._fetcher  # noqa: SLF001  aiokafka has no hook here
        fetch_filter = self.app.fetch_filter
        kinds = dict.fromkeys(fetch_filter.source_topics, SOURCES) | {self.app.topic_names.sightings: SIGHTINGS}
        held = HeldBytes(kinds, fetcher._records)  # noqa: SLF001
        fetcher._client = FilteringClient(fetcher._client, fetch_filter, held, self.app.metrics)  # noqa: SLF001

    async def _fetch_records(
        self, consumer: Any, active_partitions: Container[TP] | None, **options: Any
    ) -> FetchResult:
        raise_background_failure(consumer)
        revocations = self.consumer.revocations
        if not self.consumer.flow_active:
            return FetchResult(revocations)  # whose the positions are then, nobody knows
        active = None if active_partitions is None else ActivePartitions(active_partitions)
        fetched = FetchResult(revocations, await self._records(consumer, active, **options))
        self.app.last_poll = time.monotonic()
        if revocations != self.consumer.revocations:
            # Before or after the new assignment began to fetch? Nobody knows.
            self._put_back(fetched)
            return FetchResult(revocations)
        self._note_positions(fetched, active or ())
        for tp, records in fetched.items():
            if tp.topic in self.app.fetch_filter.source_topics:
                # The filter looks at marks anywhere; here each value is looked at by itself.
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
            try:  # not ``in_hand``, which would cost more than the test
                selected = select(record.value)
            except Exception as failure:
                raise FailedInHand(f"{tp.topic}:{tp.partition}:{record.offset}") from failure
            if selected is not None:
                record.value = selected  # if it was compressed, its content goes with it
                yield record

    async def _records(
        self,
        consumer: Any,
        active: Container[TP] | None,
        *,
        timeout: float = 0,  # noqa: ASYNC109  Faust's name
        **options: Any,
    ) -> Any:
        """What aiokafka holds of these partitions; waits for a record, so many seconds at most."""
        until = time.monotonic() + timeout
        while True:
            records = await super()._fetch_records(consumer, active, timeout=0, **options)
            left = until - time.monotonic()
            if records or left <= 0:
                return records
            answer = consumer._fetcher._create_fetch_waiter()  # noqa: SLF001  as its own ``fetched_records`` waits
            if not (await asyncio.wait([answer], timeout=left))[0]:
                answer.cancel()
            else:
                answer.result()  # raises what the group's coordinator has to say

    def _note_positions(self, fetched: FetchResult, active: Container[TP]) -> None:
        """Note how far aiokafka has read each partition, also one without records; a changelog's records go with it."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001  position() may wait for another task
        assignment = subscription and subscription.assignment
        for tp in assignment.tps if assignment else ():
            state = assignment.state_value(tp)
            if (tp not in fetched and tp not in active) or not state.has_valid_position:
                continue
            if tp.topic == self.app.topic_names.changelog:
                fetched.changelogs[tp] = ChangelogPart(fetched.pop(tp, []), state.position)
            else:
                fetched.positions[tp] = state.position

    def _put_back(self, fetched: FetchResult) -> None:
        for tp, records in fetched.items():
            with suppress(IllegalStateError):  # it is another's by now
                self._consumer.seek(tp, records[0].offset)

    def _stopped_set(self) -> None:
        """Stop the thread; after a crash it has stopped by itself and closed its event loop."""
        with suppress(RuntimeError):
            super()._stopped_set()
