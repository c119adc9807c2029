"""Topics that are deleted while a worker runs."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiokafka.client
import pytest
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataRequest_v4, MetadataRequest_v5
from aiokafka.structs import TopicPartition

from streams.worker.consumer import transport
from streams.worker.consumer.missing_topics import MissingTopics, commit_without_missing

KEPT, DELETED = TopicPartition("kept", 0), TopicPartition("deleted", 0)


class Cluster:
    """What aiokafka knows of a cluster."""

    def __init__(self, *topics: str) -> None:
        """It has these topics, of one partition."""
        self.topics = set(topics)
        self.unauthorized_topics: set[str] = set()

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions."""
        return {0} if topic in self.topics else None


@pytest.mark.parametrize("version", [MetadataRequest_v4, MetadataRequest_v5])
def test_asking_for_a_topic_creates_none(version: Any) -> None:
    """Each request for metadata that aiokafka's client makes forbids to create topics, from the version on that can."""
    assert transport.Transport  # whose import sees to it
    request = aiokafka.client.MetadataRequest(["cloudtrail"])
    assert request.build(version).allow_auto_topic_creation is False
    assert request.build(MetadataRequest_v1).topics == ["cloudtrail"]


def test_what_is_missing() -> None:
    """A topic is missing once it was seen and is gone, until it is back; a refused one is not missing."""
    missing, cluster = MissingTopics(["a", "b"]), Cluster()
    missing.look(cluster)
    assert missing.names == set()
    cluster.topics = {"a", "b"}
    missing.look(cluster)
    cluster.topics = {"b"}
    missing.look(cluster)
    assert missing.names == {"a"}
    cluster.topics, cluster.unauthorized_topics = {"a"}, {"b"}
    missing.look(cluster)
    assert missing.names == set()


def committed(cluster: Cluster, had: Cluster) -> list[set[TopicPartition]]:
    """What is sent to commit both partitions to a cluster, of which the client knows what it ``had`` until it asks."""
    sent: list[set[TopicPartition]] = []

    async def commit(_assignment: Any, offsets: dict[TopicPartition, int]) -> None:
        sent.append(set(offsets))
        if any(tp.topic not in cluster.topics for tp in offsets):
            raise UnknownTopicOrPartitionError

    async def update() -> None:
        had.topics = cluster.topics if len(sent) == 1 else had.topics

    coordinator: Any = SimpleNamespace(_do_commit_offsets=commit)
    commit_without_missing(SimpleNamespace(cluster=had, force_metadata_update=update), coordinator)
    asyncio.run(coordinator._do_commit_offsets(None, {KEPT: 1, DELETED: 2}))  # noqa: SLF001  what was replaced
    return sent


def test_a_deleted_topic_holds_up_no_commit() -> None:
    """What else there is to commit is committed, without the topic that is not there."""
    assert committed(Cluster("kept", "deleted"), Cluster()) == [{KEPT, DELETED}]
    assert committed(Cluster("kept"), Cluster("kept", "deleted")) == [{KEPT, DELETED}, {KEPT}]
