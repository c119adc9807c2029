"""Topics that are deleted while a worker runs: they are not made again, the others go on, and the worker names them.

The rules:

* Where a cluster creates topics on demand, asking for a topic's metadata creates it, with the cluster's own partitions
  and retention, and hides that it was deleted. aiokafka asks every few seconds, and always so; here it never does.
* A commit that names a deleted topic aiokafka sends again for ever, and with it what the other topics need. Here it is
  sent again without the topics that the cluster does not have.
* A topic that is gone is said once, and once that it is back; ``names`` is for the metric.
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


class CreatingNothing(MetadataRequest):  # type: ignore[misc]
    """Asks for topics, and creates none that is not there."""

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)


def create_no_topics() -> None:
    """Have every aiokafka client of this process ask so; aiokafka has no setting for it."""
    aiokafka.client.MetadataRequest = CreatingNothing


class MissingTopics:
    """Which of a consumer's topics the cluster has had and has no more. Told in the consumer's thread."""

    def __init__(self, topics: Iterable[str]) -> None:
        """Watch these topics; none is missing before it has been seen."""
        self._topics = frozenset(topics)
        self._seen: set[str] = set()
        self.names: frozenset[str] = frozenset()

    def watch(self, consumer: Any) -> None:
        """Look at each answer about topics that a started ``AIOKafkaConsumer`` gets; have it commit without these."""
        self.look(consumer._client.cluster)  # noqa: SLF001  aiokafka shows neither
        consumer._client.cluster.add_listener(self.look)  # noqa: SLF001
        commit_without_missing(consumer._client, consumer._coordinator)  # noqa: SLF001

    def look(self, cluster: Any) -> None:
        """Compare with what the cluster has now, an aiokafka ``ClusterMetadata``."""
        there = {topic for topic in self._topics if cluster.partitions_for_topic(topic) is not None}
        self._seen |= there
        missing = frozenset(self._seen - there - cluster.unauthorized_topics)
        for topic in sorted(missing - self.names):
            consequence = "nothing of it is read until it is there again; other topics go on"
            log.error("topic.missing", topic=topic, consequence=consequence)
        for topic in sorted(self.names & there):
            log.info("topic.back", topic=topic)
        self.names = missing


def commit_without_missing(client: Any, coordinator: Any) -> None:
    """Have a consumer's coordinator commit what it can if a topic was deleted."""
    commit = coordinator._do_commit_offsets  # noqa: SLF001  aiokafka has no hook here

    async def commit_what_is_there(assignment: Any, offsets: dict[Any, Any]) -> None:
        try:
            await commit(assignment, offsets)
        except UnknownTopicOrPartitionError:
            await client.force_metadata_update()
            there = {tp: at for tp, at in offsets.items() if client.cluster.partitions_for_topic(tp.topic) is not None}
            if len(there) == len(offsets):
                raise  # a broker that has not heard of a new topic yet: aiokafka tries again
            await commit(assignment, there)

    coordinator._do_commit_offsets = commit_what_is_there  # noqa: SLF001
