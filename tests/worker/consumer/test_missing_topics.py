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
        """A cluster with these topics, each with one partition."""
        self.topics = set(topics)
        self.unauthorized_topics: set[str] = set()

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions."""
        return {0} if topic in self.topics else None


@pytest.mark.parametrize("version", [MetadataRequest_v4, MetadataRequest_v5])
def test_asking_for_a_topic_creates_none(version: Any) -> None:
    """Each metadata request of aiokafka's client forbids the creation of topics, from the first version that can."""
    assert transport.Transport  # importing it installs the request
    request = aiokafka.client.MetadataRequest(["cloudtrail"])
    assert request.build(version).allow_auto_topic_creation is False
    assert request.build(MetadataRequest_v1).topics == ["cloudtrail"]


def test_what_is_missing() -> None:
    """A topic is missing if it was seen and is gone, until it is back. A topic that is not allowed is not missing."""
    missing, cluster = MissingTopics(["a", "b"]), Cluster()
    missing.update(cluster)
    assert missing.names == set()
    cluster.topics = {"a", "b"}
    missing.update(cluster)
    cluster.topics = {"b"}
    missing.update(cluster)
    assert missing.names == {"a"}
    cluster.topics, cluster.unauthorized_topics = {"a"}, {"b"}
    missing.update(cluster)
    assert missing.names == set()


def committed(cluster: Cluster, had: Cluster) -> list[set[TopicPartition]]:
    """The commits that are sent for both partitions. The client knows the topics ``had`` until it asks the cluster."""
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
    """The other offsets are committed, without the topic that is gone."""
    assert committed(Cluster("kept", "deleted"), Cluster()) == [{KEPT, DELETED}]
    assert committed(Cluster("kept"), Cluster("kept", "deleted")) == [{KEPT, DELETED}, {KEPT}]
