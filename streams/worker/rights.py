"""The least that a worker's user must be allowed, by topic; ``topics apply --acls`` grants it (docs/operations.md).

As Kafka's authorizer has it, Read and Write include Describe, and Write on any topic is enough for an idempotent
producer (KIP-679). Creating and changing topics is `topics apply`'s business, and best another user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streams.worker.topics import topic_names

if TYPE_CHECKING:
    from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Right:
    """What is needed on one resource.

    Attributes:
        kind: ``topic`` or ``group``.
        name: the resource's name.
        operations: Kafka's names of the operations.
    """

    kind: Literal["topic", "group"]
    name: str
    operations: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {', '.join(self.operations)}"


def worker_rights(settings: Settings) -> tuple[Right, ...]:
    """What a worker does, and on what; DescribeConfigs is for the check of the topics at its start."""
    names = topic_names(settings)
    both, reads, writes, looks = ("Read", "Write"), ("Read",), ("Write",), ("Describe",)
    of_topics: dict[str, tuple[str, ...]] = {
        names.sightings: both,
        names.changelog: both,
        names.leader: reads,
        names.alerts: writes,
        names.overflow: writes,
        names.dead_letter: writes,
        names.sessions: looks,
        names.activity: looks,
    }
    return (
        *(Right("topic", name, reads) for name in settings.source_topics),
        *(Right("topic", name, (*operations, "DescribeConfigs")) for name, operations in of_topics.items()),
        Right("group", settings.group_id, reads),
    )
