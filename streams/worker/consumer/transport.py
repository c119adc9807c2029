"""Faust's aiokafka transport with the fetch-time filter, and with offsets that are committed only when all is done.

The rules:

* Of what is fetched from a source topic, the consumer's thread keeps the records that may match (``fetch_filter``); the
  rest never become Faust events.
* Only what is committed is read: what a transaction wrote and took back alerts nowhere.
* What a fetch gives is noted in one step, before anything else can run: of each partition the records, as open, and
  aiokafka's position after them, which is also past what was dropped, aborted or compacted away and past the markers of
  transactions. So that is committed too, and never ahead of a record that is still to be handled.
* What may be committed is decided by ``OpenOffsets``, not by Faust's gap tracking: that one loses count when the first
  offset is 0, and takes an event that it skipped during a rebalance for a handled one.
* An acknowledgement of an earlier generation of the consumer group, or while the flow is stopped for a rebalance,
  counts for nothing: whoever owns the partition next reads that record again.
* Resuming the flow empties no queue: Faust's does, after it has begun to fetch, and what it throws away is read again
  only after the next rebalance; a standby's table would miss it for good.
* A fetch ends after its time, also if answers without a record never cease: aiokafka's own waits anew after each.
* A fetch while no partition is active gives nothing: to aiokafka an empty set of partitions means all of them, and what
  it then hands over Faust throws away.
* Before partitions are given up, the batches in hand are finished and committed, so that the next owner starts after
  them and no late write follows its recovery.
* Records fetched before that are of no use after it: what came before them was thrown out of the queues, and delivered
  in the new generation they would have offsets committed past it. So the flow is stopped, the records in hand are
  dropped, and those of a fetch that was under way are put back.
* Nothing is dropped as read before: the last read offset of an earlier assignment may be noted after that of the next
  one has begun, and Faust then drops what nobody has handled. What comes twice is handled twice (M5).
* Of source topics and sightings only so many bytes are taken in as there is room for (``room``).
* Records of the changelog go to ``recovery`` as they were fetched, past Faust's queues.
* The producer is idempotent, so that a retry cannot reorder the changelog.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

import structlog
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalStateError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from mode.utils.queues import FlowControlEvent

from streams.kafka.admin import AccessRefused
from streams.worker.agents.batches import FailedInHand
from streams.worker.consumer.bootstrap import know_topics_before_assigning, wait_for_broker
from streams.worker.consumer.fetch.fetch_filter import filter_batches
from streams.worker.consumer.fetch.held_bytes import SIGHTINGS, SOURCES, Held
from streams.worker.consumer.fetch.response_reader import FETCH, attach
from streams.worker.consumer.lease import renew_with_heartbeats
from streams.worker.consumer.missing_topics import create_no_topics
from streams.worker.consumer.offset_tracker import OpenOffsets
from streams.worker.state.recovery import ChangelogPart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterator, Mapping

    from faust.types import TP, Message

    from streams.worker.app import WorkerApp

log = structlog.get_logger(__name__)

create_no_topics()

# Longest wait for the batches in hand when partitions are given up; a broker that does not answer must not hold up the
# whole group. What is not done by then is done again by the next owner.
FINISH_SECONDS = 8.0
# How long a broker may hold back an empty answer. aiokafka has one fetch under way at each broker, which leaves out the
# partitions whose records it still holds: with Faust's 1.5 s these wait for so long whenever all others are quiet.
FETCH_WAIT_MS = 100
# Until a queue that was full is looked at again.
FULL_QUEUE_SECONDS = 0.05


class FlowControl(FlowControlEvent):  # type: ignore[misc]
    """Faust's flow control; resuming it leaves the queues as they are."""

    def resume(self) -> None:
        """Let the queues be filled again."""
        self._suspend.clear()
        self._resume.set()


class FilteringClient:
    """aiokafka's client as its fetcher sees it: answers to fetches hold only what may match.

    There is no other place between the bytes of an answer and their unpacking.
    """

    def __init__(self, client: Any, app: WorkerApp, held: Held) -> None:
        self._client = client
        self._app = app
        self._held = held
        self._one_at_a_time = asyncio.Lock()  # each answer takes what room there is
        self._told: set[tuple[str, int, int]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node: Any, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        """Send a request; of a fetch only what there is room for, and filter its answer."""
        if request.API_KEY != FETCH:
            return await self._client.send(node, request, group=group)
        request = self._held.ask(request)
        if not request.topics:
            await asyncio.sleep(FETCH_WAIT_MS / 1000)  # as a broker would that has nothing
            return Nothing()
        if await self._client.ready(node, group=group):
            attach(self._client._conns[node, group])  # noqa: SLF001  aiokafka has no other way to a connection
        response = await self._client.send(node, request, group=group)
        self._note_what_is_gone(request, response)
        async with self._one_at_a_time:
            await self._filter(response)
        return response

    def _note_what_is_gone(self, request: Any, response: Any) -> None:
        """Aiokafka goes on from the oldest record there is, and says so to nobody who would act on it.

        Each loss once: Faust seeks the committed offset, which is gone, again when the table is recovered.
        """
        gone = {
            (topic, partition)
            for topic, partitions in response.topics
            for partition, error, *_ in partitions
            if error == OffsetOutOfRangeError.errno
        }
        if not gone:
            return
        for topic, partitions in request.topics:
            for partition, offset, *_ in partitions:
                lost = (topic, partition, offset)
                if (topic, partition) in gone and lost not in self._told:
                    self._told.add(lost)
                    self._app.metrics.offset_resets.labels(topic).inc()
                    log.error(
                        "offset.gone",
                        topic=topic,
                        partition=partition,
                        offset=offset,
                        consequence="going on from the oldest record: what was deleted before it was read is lost",
                    )

    async def _filter(self, response: Any) -> None:
        """Leave in an answer what may match, as far as there is room."""
        room, came, taken = self._held.room(SOURCES), 0, 0
        for topic, partitions in response.topics:
            for place, (number, *head, fetched) in enumerate(partitions):
                if not fetched:
                    continue
                if topic in self._app.source_topics:
                    filtered = filter_batches(fetched, self._app.find_marks, self._app.skips.of(topic, number), room)
                    self._app.metrics.fetched(topic, number, filtered)
                    kept = filtered.kept
                    room, came, taken = room - len(kept), came + len(fetched), taken + filtered.taken
                    await asyncio.sleep(0)  # heartbeats and commits go by this loop too
                else:
                    kept = bytes(fetched)
                self._held.sizes[topic, number] = len(kept)
                partitions[place] = (number, *head, kept)
        if came:
            self._held.learn(came, taken)


class Nothing:
    """An answer to a fetch that was not sent."""

    topics = ()


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


class Fetched(dict["TP", list[Any]]):
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


def raise_what_ended(consumer: Any) -> None:
    """Raise what has ended one of aiokafka's own tasks, as its ``getmany`` would, which Faust goes around.

    What ends the membership of the group it keeps until it is asked, and sends no heartbeat meanwhile. What has ended
    its fetcher it tells nobody.
    """
    consumer._coordinator.check_errors()  # noqa: SLF001  see above
    fetching = consumer._fetcher.error_future  # noqa: SLF001
    if fetching.done() and not fetching.cancelled():
        fetching.result()


class FilteringThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The consumer's thread; it drops what cannot match before the event loop hears of it."""

    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        wait_for_broker(consumer._client)  # noqa: SLF001  aiokafka shows it of a producer only
        # Faust has no setting for these two.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Put the filter before the fetcher, which fetches nothing before the subscription."""
        await super().on_start()
        know_topics_before_assigning(self._consumer)
        self.app.missing_topics.watch(self._consumer)
        renew_with_heartbeats(self._consumer, self.app.lease)
        fetcher = self._consumer._fetcher  # noqa: SLF001  aiokafka has no hook here
        kinds = dict.fromkeys(self.app.source_topics, SOURCES) | {self.app.topic_names.sightings: SIGHTINGS}
        held = Held(kinds, fetcher._records)  # noqa: SLF001
        fetcher._client = FilteringClient(fetcher._client, self.app, held)  # noqa: SLF001

    async def _fetch_records(self, consumer: Any, active_partitions: Container[TP] | None, **options: Any) -> Fetched:
        raise_what_ended(consumer)
        revocations = self.consumer.revocations
        if not self.consumer.flow_active:
            return Fetched(revocations)  # whose the positions are then, nobody knows
        active = None if active_partitions is None else ActivePartitions(active_partitions)
        fetched = Fetched(revocations, await self._records(consumer, active, **options))
        self.app.last_poll = time.monotonic()
        if revocations != self.consumer.revocations:
            # Before or after the new assignment began to fetch? Nobody knows.
            self._put_back(fetched)
            return Fetched(revocations)
        self._note_positions(fetched, active or ())
        for tp, records in fetched.items():
            if tp.topic in self.app.source_topics:
                # The filter looks at marks anywhere; here each value is looked at by itself.
                fetched[tp] = list(self._matching(tp, records))
                self.app.metrics.dropped(tp.topic, len(records) - len(fetched[tp]))
        return fetched

    def _matching(self, tp: TP, records: list[Any]) -> Iterator[Any]:
        skip, may_match = self.app.skips.of(tp.topic, tp.partition), self.app.may_match
        for record in records:
            try:
                is_kept = record.offset in skip or may_match(record.value)
            except Exception as failure:
                raise FailedInHand(f"{tp.topic}:{tp.partition}:{record.offset}") from failure
            if is_kept:
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

    def _note_positions(self, fetched: Fetched, active: Container[TP]) -> None:
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

    def _put_back(self, fetched: Fetched) -> None:
        for tp, records in fetched.items():
            with suppress(IllegalStateError):  # it is another's by now
                self._consumer.seek(tp, records[0].offset)

    def _stopped_set(self) -> None:
        """Stop the thread; after a crash it has stopped by itself and closed its event loop."""
        with suppress(RuntimeError):
            super()._stopped_set()


class NothingRead(dict["TP", int | None]):
    """In place of Faust's last read offset of each partition: says of each that nothing was read yet."""

    def __getitem__(self, _tp: TP) -> None:
        return None


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with commits decided by ``OpenOffsets``."""

    def __init__(
        self, transport: Transport, callback: Callable[[Message], Awaitable[None]], *args: Any, **kwargs: Any
    ) -> None:
        self._offsets: dict[TP, OpenOffsets] = {}
        self.revocations = 0

        async def deliver(message: Message) -> None:
            if not self.flow_active:
                return  # the partitions are being given up: it is read again
            await callback(message)

        super().__init__(transport, deliver, *args, **kwargs)
        self._read_offset = NothingRead()

    def _new_consumer_thread(self) -> FilteringThread:
        return FilteringThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Message) -> bool:
        """Note that a message needs nothing more; counts only in the generation that it was delivered in."""
        if not self.flow_active or message.generation_id != self.app.consumer_generation_id:
            return False
        offsets = self._offsets.get(message.tp)
        if offsets is None or not offsets.done(message.offset):
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Leave gaps alone: offsets that are not handed over are not open."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self._offsets if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._offsets[tp].committable()

    def owns_partitions(self) -> bool:
        """Whether the consumer has started and has partitions."""
        try:
            return bool(self.assignment())
        except ConsumerNotStarted:
            return False

    async def commit(self, *args: Any, **kwargs: Any) -> bool:
        """Commit what is done; after a crash nothing, as the consumer's thread is gone and would never answer."""
        return not self.crashed and bool(await super().commit(*args, **kwargs))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit the batches in hand before the partitions go."""
        await self._finish_batches()
        self.stop_flow()  # first: no fetch begins between the two
        self.revocations += 1
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin with nothing handed over."""
        self._offsets.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109  as below
        if active_partitions is None or not (full := self.app.queues.full()):
            return await super()._getmany(active_partitions, timeout)
        return await super()._getmany(ActivePartitions(active_partitions, full), FULL_QUEUE_SECONDS)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, set[TP] | None]:  # noqa: ASYNC109  Faust's signature
        try:
            records, active = await super()._wait_next_records(timeout)
        except TopicAuthorizationFailedError as refused:
            raise AccessRefused(f"topic {', '.join(map(str, refused.args))}: Read: not allowed (any more)") from refused
        except GroupAuthorizationFailedError as refused:
            raise AccessRefused(f"group {self.app.conf.id}: Read: not allowed (any more)") from refused
        if isinstance(records, Fetched):
            if records.revocations != self.revocations:
                return {}, active
            self._hand_over(records)
            await self._restore(records.changelogs)
        return records, active

    def _hand_over(self, fetched: Fetched) -> None:
        """Note what goes to the streams now; from here on it is in the way of a commit until it is done."""
        for tp, position in fetched.positions.items():
            if self.app.topics.acks_enabled_for(tp.topic):
                offsets = [record.offset for record in fetched.get(tp, ())]
                self._offsets.setdefault(tp, OpenOffsets()).hand_over(offsets, position)

    async def _restore(self, changelogs: Mapping[TP, ChangelogPart]) -> None:
        if self.app.failure is not None:
            return  # after a write that failed the next one would leave a gap behind it
        try:
            for tp, part in changelogs.items():
                self.app.tables.recovery.restore(tp, part)
        except Exception as failure:  # noqa: BLE001  whatever it is, it stops the worker
            await self.app.stop_with(failure)

    async def _finish_batches(self) -> None:
        async with self.app.batches.finished(FINISH_SECONDS):
            await self.commit()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing of a partition without events: after the filter a quiet partition is the normal case."""


class Producer(driver.Producer):  # type: ignore[misc]
    """Faust's producer, idempotent: each record once and in order, whatever is sent again (KIP-98)."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        producer = super()._new_producer(transactional_id)
        wait_for_broker(producer.client)
        return producer


class Transport(driver.Transport):  # type: ignore[misc]
    """The transport that the worker's app uses."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
