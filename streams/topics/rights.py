"""The least that a worker's user must be allowed, by topic; ``topics apply --acls`` grants it (docs/operations.md).

As Kafka's authorizer has it, Read and Write include Describe, and Write on any topic is enough for an idempotent
producer (KIP-679). Creating and changing topics is `topics apply`'s business, and best another user's.

What a user may do is asked beforehand (KIP-430), not tried: without Read on its group a Faust worker waits for ever and
says nothing, and what it may not write it would find out only with the first alert.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import tenacity
from confluent_kafka import KafkaException, TopicCollection

from streams.kafka.admin import AccessRefused, BrokerAccess, BrokerError, BrokerUnreachable
from streams.topics.catalogue import topic_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from typing import Any

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


FIX = "grant it: `rootwatch topics apply --acls PRINCIPAL` as a user who may"


def missing_rights(access: BrokerAccess, rights: Sequence[Right]) -> list[Right]:
    """Those of the rights that the broker does not give this user, each with the operations that lack.

    Left out are topics that are not there, and what a broker does not tell rights of.

    Raises:
        BrokerUnreachable: no broker answers.
        AccessRefused: the credentials are refused.
    """
    topics = TopicCollection([right.name for right in rights if right.kind == "topic"])
    described = access.client.describe_topics(topics, include_authorized_operations=True)
    found = []
    for right in rights:
        if right.kind == "topic":
            allowed = _allowed(access, right, described[right.name])
        else:
            allowed = _allowed_on_group(access, right)
        missing = tuple(name for name in right.operations if allowed is not None and name.upper() not in allowed)
        if missing:
            found.append(replace(right, operations=missing))
    return found


def check_rights(settings: Settings, rights: Sequence[Right] = ()) -> None:
    """Find out whether this user may do all that there is to do: a worker's work, if no other rights are given.

    Raises:
        AccessRefused: it may not; the message names each resource with the operations that lack, and the fix.
        BrokerUnreachable: no broker answers.
    """
    with BrokerAccess(settings) as access:
        found = missing_rights(access, rights or worker_rights(settings))
    if found:
        raise AccessRefused(f"not allowed: {'; '.join(map(str, found))}. {FIX[0].upper()}{FIX[1:]}, then start again.")


def _allowed(access: BrokerAccess, right: Right, described: Future[Any]) -> set[str] | None:
    """The operations, in capitals, that this user may do on a resource; ``None`` if it is not there or not told."""
    try:
        answer = access.result(f"{right.kind} {right.name}", "Describe", described)
    except BrokerUnreachable:
        raise
    except BrokerError as error:
        cause = error.__cause__
        if not isinstance(cause, KafkaException):
            raise
        # A topic that this user may not even describe is, to it, not there or refused.
        return set() if cause.args[0].name().endswith("AUTHORIZATION_FAILED") else None
    # Who may describe may do something: without any, the broker does not tell.
    return {operation.name.replace("_", "") for operation in answer.authorized_operations or ()} or None


# The first group that a new cluster is asked for has it make the topic of offsets, and that takes a moment.
@tenacity.retry(
    retry=tenacity.retry_if_exception_type(BrokerUnreachable),
    wait=tenacity.wait_fixed(0.5),
    stop=tenacity.stop_after_delay(10),
    reraise=True,
)
def _allowed_on_group(access: BrokerAccess, right: Right) -> set[str] | None:
    futures = access.client.describe_consumer_groups([right.name], include_authorized_operations=True)
    return _allowed(access, right, futures[right.name])
