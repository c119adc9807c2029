"""Handles topics that are deleted while a worker runs: it does not create them again, names them, and reads the others.

The rules:

* If a cluster creates topics on demand, a request for a topic's metadata creates the topic, with the cluster's default
  partitions and retention, and hides that it was deleted. aiokafka sends such requests every few seconds. Here its
  requests never create a topic.
* aiokafka repeats a commit that names a deleted topic for ever, and so the other topics in it are never committed. Here
  the commit is repeated without the topics that the cluster does not have.
* One log line says that a topic is missing, and one that it is back. ``names`` is for the metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiokafka.client
import structlog
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)


class NonCreatingRequest(MetadataRequest):  # type: ignore[misc]
    """Asks for the metadata of topics without creating any."""

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)


def create_no_topics() -> None:
    """Make every aiokafka client of this process use such requests; aiokafka has no setting for it."""
    aiokafka.client.MetadataRequest = NonCreatingRequest


class MissingTopics:
    """Knows which of a consumer's topics the cluster no longer has. Updated in the consumer's thread."""

    def __init__(self, topics: Iterable[str]) -> None:
        """Watch these topics. A topic counts as missing only if it was seen before."""
        self._topics = frozenset(topics)
        self._seen: set[str] = set()
        self.names: frozenset[str] = frozenset()

    def watch(self, consumer: Any) -> None:
        """Check each metadata response of a started ``AIOKafkaConsumer``, and make its commits skip missing topics."""
        self.update(consumer._client.cluster)  # noqa: SLF001  aiokafka makes neither public
        consumer._client.cluster.add_listener(self.update)  # noqa: SLF001
        commit_without_missing(consumer._client, consumer._coordinator)  # noqa: SLF001

    def update(self, cluster: Any) -> None:
        """Compare with the topics of ``cluster``, an aiokafka ``ClusterMetadata``."""
        there = {topic for topic in self._topics if cluster.partitions_for_topic(topic) is not None}
        self._seen |= there
        missing = frozenset(self._seen - there - cluster.unauthorized_topics)
        for topic in sorted(missing - self.names):
            consequence = "it is not read until it exists again; other topics go on"
            log.error("topic.missing", topic=topic, consequence=consequence)
        for topic in sorted(self.names & there):
            log.info("topic.back", topic=topic)
        self.names = missing


def commit_without_missing(client: Any, coordinator: Any) -> None:
    """Make a consumer's coordinator commit the other topics if a topic was deleted."""
    commit = coordinator._do_commit_offsets  # noqa: SLF001  aiokafka has no hook here

    async def commit_what_is_there(assignment: Any, offsets: dict[Any, Any]) -> None:
        try:
            await commit(assignment, offsets)
        except UnknownTopicOrPartitionError:
            await client.force_metadata_update()
            there = {tp: at for tp, at in offsets.items() if client.cluster.partitions_for_topic(tp.topic) is not None}
            if len(there) == len(offsets):
                raise  # the broker does not know a new topic yet: aiokafka tries again
            await commit(assignment, there)

    coordinator._do_commit_offsets = commit_what_is_there  # noqa: SLF001
