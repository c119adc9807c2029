"""A broker disappeared between the worker's checks and the start of its Kafka clients.

The worker ended instead of waiting. Or it led the group without knowing a topic, and every worker was ready and idle
for five minutes.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.worker.consumer import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping


class Client:
    """aiokafka's client, as it is used at its start; no broker answers the first attempts."""

    def __init__(self, refusals: int, topics: Mapping[str, set[int]]) -> None:
        self._refusals = refusals
        self._topics = topics
        self.cluster = SimpleNamespace(partitions_for_topic={}.get)

    async def bootstrap(self) -> None:
        """Connect."""
        if not await self.force_metadata_update():
            raise KafkaConnectionError("Unable to bootstrap")

    async def force_metadata_update(self) -> bool:
        """Ask for the topics; return whether there was an answer."""
        if self._refusals:
            self._refusals -= 1
            return False
        self.cluster.partitions_for_topic = self._topics.get
        return True


def test_clients_wait_for_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that reaches no broker at its start tries again until one answers."""
    monkeypatch.setattr(bootstrap, "FIRST_WAIT_SECONDS", 0)
    client = Client(3, {"cloudtrail": {0}})
    bootstrap.wait_for_broker(client)
    asyncio.run(client.bootstrap())
    assert client.cluster.partitions_for_topic("cloudtrail") == {0}


@pytest.mark.parametrize(
    ("refusals", "topics", "known"),
    [
        pytest.param(2, {"cloudtrail": {0}, "sightings": {0, 1}}, ["cloudtrail", "sightings"], id="asked again"),
        pytest.param(0, {"cloudtrail": {0}}, ["cloudtrail"], id="one is not there"),
    ],
)
def test_the_leader_knows_the_topics(
    monkeypatch: pytest.MonkeyPatch, refusals: int, topics: dict[str, set[int]], known: list[str]
) -> None:
    """Partitions are assigned once all topics are known; a missing topic delays the others only for a while."""
    monkeypatch.setattr(bootstrap, "ASK_AGAIN_SECONDS", 0)
    client = Client(refusals, topics)

    async def assign(response: str) -> tuple[str, list[str]]:
        return response, [topic for topic in subscription if client.cluster.partitions_for_topic(topic)]

    subscription = ["cloudtrail", "sightings"]
    coordinator = SimpleNamespace(_perform_assignment=assign)
    consumer = SimpleNamespace(_client=client, _coordinator=coordinator, subscription=lambda: subscription)
    bootstrap.learn_topics_before_assigning(consumer)
    assert asyncio.run(coordinator._perform_assignment("members")) == ("members", known)  # noqa: SLF001  aiokafka's
