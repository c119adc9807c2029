"""A fetch is noted in one step: its records as open, and the position that may be committed after them (A2)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.consumer.consumer import Consumer
from streams.worker.consumer.fetch.fetch_thread import FetchResult
from streams.worker.delivery import Delivery, Message

SOURCE, QUIET, UNACKED = TP("cloudtrail", 0), TP("cloudtrail", 1), TP("leader", 0)


def record(offset: int) -> Any:
    """A record of the source topic, as aiokafka has it."""
    return SimpleNamespace(
        topic=SOURCE.topic, partition=SOURCE.partition, offset=offset, timestamp=0, key=b"", value=b""
    )


class Waiting(Consumer):
    """A consumer that waits for records."""

    def __init__(self) -> None:
        """Nothing else of a consumer is needed."""
        topics = SimpleNamespace(acks_enabled_for=lambda topic: topic == SOURCE.topic)
        self.app = SimpleNamespace(failure=None, topics=topics, consumer_generation_id=1)
        self.flow_active = True
        self.revocations = 0
        self._trackers = {}
        self._unacked_messages = set()

    def committable(self) -> dict[TP, int | None]:
        """The offset that would be committed now."""
        return {tp: self._new_offset(tp) for tp in self._filter_tps_with_pending_acks()}


def delivered(consumer: Waiting, *offsets: int) -> Any:
    """Faust's message with a delivery of these offsets."""
    messages = [Message(SOURCE.topic, SOURCE.partition, offset, 0, b"", b"", 0.0) for offset in offsets]
    return consumer._to_message(SOURCE, Delivery(messages, 0))  # noqa: SLF001  Faust's hook


def hand_over(monkeypatch: pytest.MonkeyPatch, consumer: Waiting, *, revoked: bool) -> Any:
    """Make a fetch of the first assignment bring two records of one partition and none of another; return its lists."""
    fetched = FetchResult(0, {SOURCE: [record(offset) for offset in (5, 7)]})
    fetched.positions = {SOURCE: 9, QUIET: 4, UNACKED: 3}

    async def wait(*_args: Any) -> Any:
        consumer.revocations += revoked
        return fetched, {SOURCE, QUIET}

    monkeypatch.setattr(driver.Consumer, "_wait_next_records", wait)
    records, _ = asyncio.run(consumer._wait_next_records(1.0))  # noqa: SLF001  Faust's hook
    return records


def test_a_position_is_never_committed_past_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records block a commit even before an agent gets them. Once they are done, the position may be committed."""
    consumer = Waiting()
    hand_over(monkeypatch, consumer, revoked=False)
    assert consumer.committable() == {SOURCE: 5, QUIET: 4}
    assert consumer.ack(delivered(consumer, 7))
    assert consumer.committable() == {SOURCE: 5, QUIET: 4}
    assert consumer.ack(delivered(consumer, 5))
    assert consumer.committable() == {SOURCE: 9, QUIET: 4}


def test_a_delivery_is_done_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The acknowledgement of a delivery is that of each of its messages."""
    consumer = Waiting()
    hand_over(monkeypatch, consumer, revoked=False)
    whole = delivered(consumer, 5, 7)
    assert consumer.ack(whole)
    assert whole.acked
    assert consumer.committable() == {SOURCE: 9, QUIET: 4}


@pytest.mark.parametrize(("generation", "flow_active"), [(0, True), (1, False)])
def test_an_acknowledgement_after_a_rebalance_does_not_count(
    monkeypatch: pytest.MonkeyPatch, *, generation: int, flow_active: bool
) -> None:
    """A2: the next owner reads again what an earlier generation has delivered, and what is done during a rebalance."""
    consumer = Waiting()
    hand_over(monkeypatch, consumer, revoked=False)
    message = delivered(consumer, 5, 7)
    message.generation_id, consumer.flow_active = generation, flow_active
    assert not consumer.ack(message)
    assert consumer.committable() == {SOURCE: 5, QUIET: 4}


def test_records_go_to_faust_in_deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records of a partition are one event of Faust's, at the offset of the last, in the present generation."""
    consumer = Waiting()
    fetched = hand_over(monkeypatch, consumer, revoked=False)
    assert {tp: [[message.offset for message in each.messages] for each in made] for tp, made in fetched.items()} == {
        SOURCE: [[5, 7]]
    }
    (delivery,) = fetched[SOURCE]
    message = consumer._to_message(SOURCE, delivery)  # noqa: SLF001  Faust's hook
    assert (message.tp, message.offset, message.generation_id) == (SOURCE, 7, 1)
    assert message.value is delivery
    assert consumer.ack(message)
    assert consumer.committable() == {SOURCE: 9, QUIET: 4}


def test_what_a_rebalance_has_overtaken_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A position may not be committed if its records were dropped."""
    consumer = Waiting()
    assert hand_over(monkeypatch, consumer, revoked=True) == {}
    assert consumer.committable() == {}


def fetched_by(monkeypatch: pytest.MonkeyPatch, consumer: Waiting, *tps: TP) -> list[TP]:
    """Let Faust fetch a message per partition; return the partitions whose messages Faust is left with."""

    async def fetch(_consumer: Any, _timeout: float) -> Any:
        for tp in tps:
            yield tp, SimpleNamespace(tp=tp)

    async def left() -> list[TP]:
        return [tp async for tp, _ in consumer.getmany(1.0)]

    monkeypatch.setattr(driver.Consumer, "getmany", fetch)
    return asyncio.run(left())


class Noting(Waiting):
    """A consumer that notes what is put in the agents' queues, and in which turn of the event loop."""

    def __init__(self, *full: str) -> None:
        """Some topics' queues are full."""
        super().__init__()
        self.app.queues = SimpleNamespace(have_room=lambda topic: topic not in full)
        self.put: list[tuple[TP, int]] = []
        self._turn = 0

    async def callback(self, message: Any) -> None:
        """Put a message in a queue."""
        asyncio.get_running_loop().call_soon(self._next_turn)
        self.put.append((message.tp, self._turn))

    def _next_turn(self) -> None:
        self._turn += 1


def test_what_a_fetch_brought_is_put_in_the_queues_in_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent can begin a batch with the list of one partition while the lists of others are on their way."""
    consumer = Noting()
    assert fetched_by(monkeypatch, consumer, SOURCE, QUIET, UNACKED) == []
    assert consumer.put == [(SOURCE, 0), (QUIET, 0), (UNACKED, 0)]


def test_faust_waits_for_room_in_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust gets what would wait: its wait ends if partitions are given up meanwhile."""
    consumer = Noting("leader")
    assert fetched_by(monkeypatch, consumer, SOURCE, UNACKED, QUIET) == [UNACKED]
    assert [tp for tp, _ in consumer.put] == [SOURCE, QUIET]


def test_faust_gets_what_comes_while_partitions_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting a message in a queue waits for the flow, so nothing is put there while it is stopped."""
    consumer = Noting()
    consumer.flow_active = False
    assert fetched_by(monkeypatch, consumer, SOURCE) == [SOURCE]
    assert consumer.put == []
