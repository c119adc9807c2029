"""Faust's consumer. It commits an offset only when everything before it is done, and finishes work before a rebalance.

The rules:

* ``OffsetTracker`` decides what may be committed, not Faust's gap tracking: that loses count when the first offset is
  0, and treats an event that it skipped during a rebalance as handled.
* An acknowledgement does not count if its record is of an earlier generation of the consumer group, or if the flow is
  stopped for a rebalance. The partition's next owner reads that record again.
* Before partitions are given up, the batches in hand are finished and committed. So the next owner starts after them,
  and no late write comes after its recovery.
* Records that were fetched before a rebalance are dropped after it, and the flow is stopped in between. The records
  before them were cleared from the queues. If they were delivered in the new generation, offsets past the cleared
  records would be committed.
* Faust's duplicate check is disabled. It may hold an offset of the previous assignment and then drop records that were
  never handled. A record that arrives twice is handled twice (M5).
* Records of the changelog go directly to ``recovery``, past Faust's queues.
* All other records of a fetch go through Faust in lists, one event per list (``delivery``).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from faust.exceptions import ConsumerNotStarted
from faust.transport.consumer import ConsumerMessage
from faust.transport.drivers import aiokafka as driver

from streams.kafka.admin import AccessRefused
from streams.worker.consumer.fetch import pace
from streams.worker.consumer.fetch.fetch_thread import ActivePartitions, FetchResult, FetchThread
from streams.worker.consumer.offset_tracker import OffsetTracker
from streams.worker.consumer.progress import Progress
from streams.worker.delivery import deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
    from contextlib import AbstractAsyncContextManager

    from faust.types import TP, Message

    from streams.worker.consumer.fetch.held_bytes import Queues
    from streams.worker.delivery import Delivery
    from streams.worker.state.recovery import ChangelogPart, Tables

# Longest wait for the batches in hand when partitions are given up: a broker that does not answer must not delay the
# whole group. The next owner repeats what is not done by then.
FINISH_SECONDS = 8.0
# After this time a full queue is checked again.
FULL_QUEUE_SECONDS = 0.05


class Batches(pace.Batches, Protocol):
    """The batches that the agents have in hand, as the consumer and its thread use them."""

    def drained(self, seconds: float, /) -> AbstractAsyncContextManager[None]:
        """Wait until no batch is in hand, at most so many seconds. Inside, no batch begins."""


class Topics(Protocol):
    """Faust's topics."""

    def acks_enabled_for(self, topic: str, /) -> bool:
        """Whether records of this topic are acknowledged, as those of the agents' topics are."""


class Monitor(Protocol):
    """Faust's monitor.

    Attributes:
        messages_received_by_topic: counted by Faust, one per delivery.
    """

    messages_received_by_topic: MutableMapping[str, int]


class Worker(Protocol):
    """The worker's app, as the consumer uses it.

    Attributes:
        failure: what has stopped the worker; ``None`` while it runs.
        queues: the agents' queues.
        monitor: Faust's monitor.
    """

    failure: BaseException | None
    queues: Queues
    monitor: Monitor

    @property
    def batches(self) -> Batches:
        """The batches in hand."""

    @property
    def group_id(self) -> str:
        """The consumer group."""

    @property
    def consumer_generation_id(self) -> int:
        """The generation of the consumer group."""

    @property
    def topics(self) -> Topics:
        """Faust's topics."""

    @property
    def tables(self) -> Tables:
        """Faust's tables, with their recovery."""

    async def stop_with(self, failure: BaseException, /) -> None:
        """Stop the worker because of a failure."""


class NoReadOffsets(dict["TP", int | None]):
    """Replaces Faust's last read offset of each partition, with none for every partition."""

    def __getitem__(self, _tp: TP) -> None:
        return None


def explained(failure: BaseException, group_id: str) -> BaseException:
    """Return an error that names resource and operation if the broker refuses a right; any other failure as it is.

    A right that is withdrawn shows first wherever the worker next needs it: at a fetch, a commit or a heartbeat.
    """
    match failure:
        case TopicAuthorizationFailedError():
            return AccessRefused(f"topic {', '.join(map(str, failure.args))}: Read: not allowed (any more)")
        case GroupAuthorizationFailedError():
            return AccessRefused(f"group {group_id}: Read: not allowed (any more)")
    return failure


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with commits decided by ``OffsetTracker``."""

    app: Worker

    def __init__(
        self, transport: object, callback: Callable[[Message], Awaitable[None]], *args: Any, **kwargs: Any
    ) -> None:
        self._trackers: dict[TP, OffsetTracker] = {}
        self.revocations = 0

        async def deliver(message: Message) -> None:
            if not self.flow_active:
                return  # the partitions are being given up: the next owner reads them
            # Faust's monitor counts one message, and it is a list.
            self.app.monitor.messages_received_by_topic[message.topic] += len(message.value.messages) - 1
            await callback(message)

        super().__init__(transport, deliver, *args, **kwargs)
        self._read_offset = NoReadOffsets()

    def _new_consumer_thread(self) -> FetchThread:
        return FetchThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Message) -> bool:
        """Note that a delivery is done; counts only in the generation in which it was delivered."""
        if not self.flow_active or message.generation_id != self.app.consumer_generation_id:
            return False
        offsets = self._trackers.get(message.tp)
        if offsets is None:
            return False
        offsets.done(each.offset for each in message.value.messages)
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: offsets that are not handed over are not open."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self._trackers if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._trackers[tp].committable()

    def progress(self) -> Iterator[Progress]:
        """How far each partition of the agents' topics has been handled."""
        for tp in self.assignment():
            if not self.app.topics.acks_enabled_for(tp.topic):
                continue  # changelogs are followed, never committed
            done = self._committed_offset.get(tp)
            if done is None and (offsets := self._trackers.get(tp)) is not None:
                done = offsets.committable()
            yield Progress(tp.topic, tp.partition, done, self.highwater(tp))

    async def source_progress(self) -> list[Progress] | None:
        """How far the group has handled each partition of the source topics; ``None`` if the broker does not say."""
        asked = asyncio.run_coroutine_threadsafe(self._thread.source_progress(), self._thread.thread_loop)
        return await asyncio.wrap_future(asked)

    def follows(self, tp: TP) -> bool:
        """Whether records of this partition are being read. Called in the consumer's thread."""
        active = self._active_partitions
        return active is None or tp in active

    def owns_partitions(self) -> bool:
        """Whether the consumer has started and has partitions."""
        try:
            return bool(self.assignment())
        except ConsumerNotStarted:
            return False

    async def commit(self, *args: Any, **kwargs: Any) -> bool:
        """Commit what is done. After a crash commit nothing: the consumer's thread is gone and would never answer."""
        return not self.crashed and bool(await super().commit(*args, **kwargs))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit the batches in hand before the partitions are given up."""
        await self._finish_batches()
        self.stop_flow()  # before the count, so that no fetch begins between the two
        self.revocations += 1
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin with no record handed over."""
        self._trackers.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109  Faust's signature
        """Put what a fetch brought in the agents' queues at once; give Faust only what must wait for room in one.

        Faust makes four tasks per message. So an agent took the first partition's list alone, and that took a round of
        acknowledgements, while the lists of the other partitions were on their way.
        """
        async for tp, message in super().getmany(timeout):
            if self.flow_active and self.app.queues.have_room(tp.topic):
                await self.callback(message)
            else:
                yield tp, message

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109  as below
        if active_partitions is None or not (full := self.app.queues.full()):
            return await super()._getmany(active_partitions, timeout)
        return await super()._getmany(ActivePartitions(active_partitions, full), FULL_QUEUE_SECONDS)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, set[TP] | None]:  # noqa: ASYNC109  Faust's signature
        try:
            records, active = await super()._wait_next_records(timeout)
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as refused:
            raise explained(refused, self.app.group_id) from refused
        if isinstance(records, FetchResult):
            if records.revocations != self.revocations:
                return {}, active
            self._hand_over(records)
            await self._restore(records.changelogs)
            now = time.monotonic()
            return {tp: list(deliveries(fetched, now)) for tp, fetched in records.items()}, active
        return records, active

    def _to_message(self, tp: TP, delivery: Delivery) -> ConsumerMessage:
        """Faust's message for a list of messages, with the offset of the last one."""
        last = delivery.messages[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000,
            0,
            (),
            None,
            delivery,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _hand_over(self, fetched: FetchResult) -> None:
        """Note the records that go to the streams now: from here on, each blocks a commit past it until it is done."""
        for tp, position in fetched.positions.items():
            if self.app.topics.acks_enabled_for(tp.topic):
                offsets = [record.offset for record in fetched.get(tp, ())]
                self._trackers.setdefault(tp, OffsetTracker()).hand_over(offsets, position)

    async def _restore(self, changelogs: Mapping[TP, ChangelogPart]) -> None:
        if self.app.failure is not None:
            return  # a write after a failed one would leave a gap
        try:
            for tp, part in changelogs.items():
                self.app.tables.recovery.restore(tp, part)
        except Exception as failure:  # noqa: BLE001  any failure stops the worker
            await self.app.stop_with(failure)

    async def _finish_batches(self) -> None:
        async with self.app.batches.drained(FINISH_SECONDS):
            await self.commit()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do not warn of a partition without events: after the filter, a quiet partition is normal."""
