"""The bytes that wait between the broker and the agents are limited."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v4
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.consumer.fetch.held_bytes import ANSWER_BYTES, HELD_BYTES, QUEUE_BYTES, HeldBytes, Queues
from streams.worker.delivery import Delivery

KINDS = {"cloudtrail": "sources", "other": "sources", "sightings": "sightings"}
ONE, TWO, SIGHTINGS = TopicPartition("cloudtrail", 0), TopicPartition("other", 3), TopicPartition("sightings", 0)


def asked(held: HeldBytes) -> tuple[list[str], int]:
    """The topics of a request for all topics, as it is sent, and its limit of bytes."""
    topics = [(topic, [(0, 7, 1)]) for topic in ("cloudtrail", "other", "sightings", "changelog")]
    request: Any = held.limit_request(FetchRequest(100, 1, 50_000_000, 1, topics), lambda *_partition: True)
    return [topic for topic, _ in request.topics], request.build(FetchRequest_v4).max_bytes


def test_a_kind_is_not_asked_for_while_much_of_it_is_held() -> None:
    """Half of the limit in two source partitions stops requests for sources only, until they are handed over."""
    records: dict[Any, object] = {}
    held = HeldBytes(KINDS, records)
    assert asked(held) == (["cloudtrail", "other", "sightings", "changelog"], ANSWER_BYTES)
    held.sizes.update({("cloudtrail", 0): HELD_BYTES // 4, ("other", 3): HELD_BYTES // 4, ("sightings", 0): 1})
    records.update({ONE: None, TWO: None, SIGHTINGS: None})
    assert held.free_bytes("sources") == HELD_BYTES // 2
    assert asked(held)[0] == ["sightings", "changelog"]
    del records[TWO]
    assert asked(held)[0] == ["cloudtrail", "other", "sightings", "changelog"]


def test_only_what_is_wanted_is_asked_for() -> None:
    """A partition that nobody reads is left out of a request, and its topic if no other partition is wanted."""
    held, wanted = HeldBytes(KINDS, {}), {("cloudtrail", 1), ("sightings", 0)}
    topics = [("cloudtrail", [(0, 7, 1), (1, 8, 1)]), ("changelog", [(0, 9, 1)]), ("sightings", [(0, 5, 1)])]
    request: Any = held.limit_request(FetchRequest(100, 1, 50_000_000, 1, topics), lambda *place: place in wanted)
    assert request.topics == [("cloudtrail", [(1, 8, 1)]), ("sightings", [(0, 5, 1)])]


@given(st.lists(st.tuples(st.integers(1, 1 << 40), st.floats(0, 1)), max_size=20))
def test_the_next_request_is_for_what_was_taken(answers: list[tuple[int, float]]) -> None:
    """After a partly taken response the next request is smaller, after a whole one larger, always within limits."""
    held = HeldBytes(KINDS, {})
    for came, share in answers:
        _, before = asked(held)
        held.adjust_next_request(came, round(came * share))
        _, after = asked(held)
        assert 0 < after <= ANSWER_BYTES
        assert after >= before if round(came * share) == came else after <= max(round(came * share), 256 * 1024)


def test_a_full_queue() -> None:
    """A queue is full by the bytes of its deliveries, for its own topics only."""

    async def scene() -> list[frozenset[str]]:
        queues, sources, sightings = Queues(), asyncio.Queue[Any](), asyncio.Queue[Any]()
        queues.watch(["cloudtrail", "other"], sources)
        queues.watch(["sightings"], sightings)
        full = [queues.full()]
        for size in (0, QUEUE_BYTES - 1, 1):
            sources.put_nowait(SimpleNamespace(message=SimpleNamespace(value=Delivery([], size))))
            full.append(queues.full())
        sources.get_nowait()
        sources.get_nowait()
        return [*full, queues.full()]

    none, both = frozenset[str](), frozenset(["cloudtrail", "other"])
    assert asyncio.run(scene()) == [none, none, none, both, none]


def test_room_in_a_queue() -> None:
    """A queue has room below its number of events. Another queue does not count, nor does a topic without one."""

    async def scene() -> list[bool]:
        queues, sources = Queues(), asyncio.Queue[Any](1)
        queues.watch(["cloudtrail", "other"], sources)
        queues.watch(["sightings"], asyncio.Queue[Any](1))
        before = queues.have_room("cloudtrail")
        sources.put_nowait(None)
        topics = ("cloudtrail", "other", "sightings", "unknown")
        return [before, *(queues.have_room(topic) for topic in topics)]

    assert asyncio.run(scene()) == [True, False, False, True, True]
