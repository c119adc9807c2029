"""What follows a response is asked for before the response is filtered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.consumer.fetch.read_ahead import KEPT_SECONDS, ReadAhead, places

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE, SIGHTINGS = "cloudtrail", "sightings"
BATCH = 10  # records of a batch
LARGE_BYTES = 1_000
OFFSET_OUT_OF_RANGE = 1


def batch(base: int, size: int) -> bytes:
    """A batch of ``BATCH`` records from this offset, with so many bytes of values."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for number in range(BATCH):
        builder.append(number, 1_000, None, b"x" * (size // BATCH), [])
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")
    return bytes(built)


LARGE, SMALL = batch(0, LARGE_BYTES), batch(0, BATCH)


class Broker:
    """A broker that holds one more batch behind every offset up to an end.

    Attributes:
        asked: the requests that it got, as they are.
        ends: where the partitions end.
        fetched: what a batch of the source topic is.
    """

    def __init__(self, fetched: bytes = LARGE) -> None:
        self.asked: list[Any] = []
        self.ends: dict[tuple[str, int], int] = {}
        self.fetched = fetched
        self.error = 0
        self.failure: Exception | None = None

    async def ask(self, _node: int, request: Any) -> Any:
        """Answer; the first bytes of what is fetched say from which offset."""
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return SimpleNamespace(
            topics=[
                (topic, [(number, self.error, 99, self._fetched(topic, number, offset)) for number, offset, _ in parts])
                for topic, parts in request.topics
            ]
        )

    def _fetched(self, topic: str, number: int, offset: int) -> bytes:
        if offset >= self.ends.get((topic, number), 1 << 40):
            return b""
        built = self.fetched if topic == SOURCE else SMALL
        return offset.to_bytes(8, "big") + built[8:]


def request(offsets: Mapping[tuple[str, int], int]) -> Any:
    """A request for these partitions from these offsets."""
    topics: dict[str, list[tuple[int, int, int]]] = {}
    for (topic, number), offset in offsets.items():
        topics.setdefault(topic, []).append((number, offset, 1 << 22))
    return FetchRequest(100, 1, 1 << 24, 1, list(topics.items()), rack_id="")


def answered(response: Any) -> dict[tuple[str, int], int]:
    """From which offset each partition of a response is; those without bytes are left out."""
    return {
        (topic, number): int.from_bytes(fetched[:8], "big")
        for topic, parts in response.topics
        for number, *_, fetched in parts
        if fetched
    }


def ahead_of(broker: Broker, *, drops_most: bool = True) -> ReadAhead:
    """What is tested."""
    ahead = ReadAhead({SOURCE}, broker.ask, LARGE_BYTES)
    ahead.drops_most = drops_most
    return ahead


async def ask(ahead: ReadAhead, offsets: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    """Ask, and let what was asked ahead arrive."""
    response = await ahead.answer(1, request(offsets))
    for _ in range(5):
        await asyncio.sleep(0)
    return answered(response)


def asked_offsets(broker: Broker) -> list[dict[tuple[str, int], int]]:
    """The offsets of each request that the broker got."""
    return [{(topic, number): offset for topic, number, offset in places(each)} for each in broker.asked]


def test_the_next_response_is_there_before_it_is_asked_for() -> None:
    """Behind a large response the broker is asked for what follows, all partitions of the request included."""

    async def run() -> None:
        broker = Broker()
        broker.ends[SIGHTINGS, 0] = 5
        ahead = ahead_of(broker)
        first = {(SOURCE, 0): 0, (SOURCE, 1): 40, (SIGHTINGS, 0): 5}
        second = {(SOURCE, 0): BATCH, (SOURCE, 1): 40 + BATCH, (SIGHTINGS, 0): 5}
        assert await ask(ahead, first) == {(SOURCE, 0): 0, (SOURCE, 1): 40}
        assert asked_offsets(broker) == [first, second]
        assert await ask(ahead, second) == {(SOURCE, 0): BATCH, (SOURCE, 1): 40 + BATCH}
        assert len(broker.asked) == 3

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fetched", "drops_most", "error"), [(SMALL, True, 0), (LARGE, False, 0), (LARGE, True, OFFSET_OUT_OF_RANGE)]
)
def test_nothing_is_asked_ahead_where_it_gains_nothing(fetched: bytes, drops_most: bool, error: int) -> None:  # noqa: FBT001  a table
    """At the end of a topic, if most is kept, and behind an error, the broker is asked once per request."""

    async def run() -> None:
        broker = Broker(fetched)
        broker.error = error
        ahead = ahead_of(broker, drops_most=drops_most)
        for number in range(3):
            await ask(ahead, {(SOURCE, 0): number * BATCH})
            assert len(broker.asked) == number + 1

    asyncio.run(run())


def test_what_came_ahead_is_kept_while_its_topic_is_full() -> None:
    """A request without the source topics goes to the broker, and leaves what came ahead for the next one with them."""

    async def run() -> None:
        broker = Broker()
        ahead = ahead_of(broker)
        await ask(ahead, {(SOURCE, 0): 0, (SIGHTINGS, 0): 5})
        assert await ask(ahead, {(SIGHTINGS, 0): 5 + BATCH}) == {(SIGHTINGS, 0): 5 + BATCH}
        asked = len(broker.asked)
        # The sightings were read on meanwhile: those that came ahead are left out.
        assert await ask(ahead, {(SOURCE, 0): BATCH, (SIGHTINGS, 0): 5 + 2 * BATCH}) == {(SOURCE, 0): BATCH}
        assert asked_offsets(broker)[asked] == {(SOURCE, 0): 2 * BATCH, (SIGHTINGS, 0): 5 + 2 * BATCH}

    asyncio.run(run())


def test_what_came_ahead_of_partitions_that_were_given_up_is_dropped() -> None:
    """After some seconds the old response is gone, new partitions are read ahead, and the old ones are asked anew."""

    async def run() -> None:
        broker = Broker()
        ahead = ahead_of(broker)
        await ask(ahead, {(SOURCE, 0): 0})
        await ask(ahead, {(SOURCE, 1): 40})
        assert asked_offsets(broker)[-1] == {(SOURCE, 1): 40}  # the response of the old partition is kept for a while
        loop = asyncio.get_running_loop()
        now = loop.time() + KEPT_SECONDS + 1
        loop.time = lambda: now  # type: ignore[method-assign]
        await ask(ahead, {(SOURCE, 1): 50})
        assert asked_offsets(broker)[-2:] == [{(SOURCE, 1): 50}, {(SOURCE, 1): 60}]
        asked = len(broker.asked)
        await ask(ahead, {(SOURCE, 0): BATCH})
        assert asked_offsets(broker)[asked] == {(SOURCE, 0): BATCH}

    asyncio.run(run())


def test_a_failure_ahead_is_one_of_the_next_request() -> None:
    """The request that what came ahead would have answered fails as one that was sent then, and the next one is new."""

    async def run() -> None:
        broker = Broker()
        ahead = ahead_of(broker)
        await ahead.answer(1, request({(SOURCE, 0): 0}))
        broker.failure = KafkaConnectionError("away")
        with pytest.raises(KafkaConnectionError):
            await ask(ahead, {(SOURCE, 0): BATCH})
        broker.failure = None
        assert await ask(ahead, {(SOURCE, 0): BATCH}) == {(SOURCE, 0): BATCH}

    asyncio.run(run())


OFFSETS = st.dictionaries(
    st.tuples(st.sampled_from([SOURCE, SIGHTINGS]), st.integers(0, 2)), st.sampled_from([0, 10, 20, 30]), min_size=1
)


@given(st.lists(st.tuples(OFFSETS, st.booleans()), max_size=12))
def test_an_answer_holds_what_is_asked_and_nothing_else(
    requests: list[tuple[dict[tuple[str, int], int], bool]],
) -> None:
    """Whatever is asked in whatever order, each partition of an answer is from the offset that was asked."""

    async def run() -> None:
        broker = Broker()
        ahead = ahead_of(broker)
        for offsets, follows in requests:
            found = await ask(ahead, offsets)
            assert found
            assert found.items() <= offsets.items()
            if follows:  # as aiokafka does once it has taken everything
                after = {place: offset + BATCH if place in found else offset for place, offset in offsets.items()}
                found = await ask(ahead, after)
                assert found.items() <= after.items()

    asyncio.run(run())


@given(st.dictionaries(st.tuples(st.just(SOURCE), st.integers(0, 3)), st.integers(0, 100), min_size=1))
def test_every_partition_moves_on(start: dict[tuple[str, int], int]) -> None:
    """Every partition that is asked for again and again is read on, ahead or not."""

    async def run() -> None:
        broker = Broker()
        ahead, at = ahead_of(broker), dict(start)
        for _ in range(4):
            found = await ask(ahead, at)
            assert found == at
            at = {place: offset + BATCH for place, offset in at.items()}
            broker.ends.clear()

    asyncio.run(run())
