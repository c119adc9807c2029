"""The least rights that a worker's user needs; ``topics apply --acls`` grants them (docs/operations.md).

In Kafka's authorizer, Read and Write include Describe, and Write on any topic is enough for an idempotent producer
(KIP-679). Only `topics apply` creates and changes topics, best as another user.

The broker is asked beforehand what a user may do (KIP-430). A Faust worker without Read on its group would wait for
ever and say nothing, and one without Write on the alert topic would notice only at the first alert.
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

    from confluent_kafka.admin import ConsumerGroupDescription, TopicDescription

    from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Right:
    """A right on one resource.

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
    """The rights that a worker uses; DescribeConfigs is for the check of the topics at its start."""
    names = topic_names(settings)
    both, reads, writes = ("Read", "Write"), ("Read",), ("Write",)
    of_topics: dict[str, tuple[str, ...]] = {
        names.sightings: both,
        names.sessions: both,
        names.changelog: both,
        names.sessions_changelog: both,
        names.leader: reads,
        names.alerts: writes,
        names.overflow: writes,
        names.dead_letter: writes,
        names.activity: writes,
        names.session_summaries: writes,
    }
    if names.alerts_json is not None:
        of_topics[names.alerts_json] = writes
    return (
        *(Right("topic", name, reads) for name in settings.source_topics),
        *(Right("topic", name, (*operations, "DescribeConfigs")) for name, operations in of_topics.items()),
        Right("group", settings.group_id, reads),
    )


FIX = "grant it: `rootwatch topics apply --acls PRINCIPAL` as a user who may"


def missing_rights(access: BrokerAccess, rights: Sequence[Right]) -> list[Right]:
    """The rights that the broker does not give this user, each with its missing operations.

    Missing topics are left out, and so are resources for which a broker does not tell the rights.

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
    """Check that this user has these rights, or, if none are given, the rights of a worker.

    Raises:
        AccessRefused: a right is missing; the message names each resource, its missing operations, and the fix.
        BrokerUnreachable: no broker answers.
    """
    with BrokerAccess(settings) as access:
        found = missing_rights(access, rights or worker_rights(settings))
    if found:
        raise AccessRefused(f"not allowed: {'; '.join(map(str, found))}. {FIX[0].upper()}{FIX[1:]}, then start again.")


def _allowed(
    access: BrokerAccess, right: Right, described: Future[TopicDescription | ConsumerGroupDescription]
) -> set[str] | None:
    """The operations, in capitals, that this user may do on a resource; ``None`` if it is missing or not told."""
    try:
        answer = access.result(f"{right.kind} {right.name}", "Describe", described)
    except BrokerUnreachable:
        raise
    except BrokerError as error:
        cause = error.__cause__
        if not isinstance(cause, KafkaException):
            raise
        # For a user without Describe, a topic is missing or refused.
        return set() if cause.args[0].name().endswith("AUTHORIZATION_FAILED") else None
    # A user who may describe has at least one right. If the answer has none, the broker does not tell rights.
    return {operation.name.replace("_", "") for operation in answer.authorized_operations or ()} or None


# When a new cluster is asked about a group for the first time, it creates the topic of offsets. That takes a moment.
@tenacity.retry(
    retry=tenacity.retry_if_exception_type(BrokerUnreachable),
    wait=tenacity.wait_fixed(0.5),
    stop=tenacity.stop_after_delay(10),
    reraise=True,
)
def _allowed_on_group(access: BrokerAccess, right: Right) -> set[str] | None:
    futures = access.client.describe_consumer_groups([right.name], include_authorized_operations=True)
    return _allowed(access, right, futures[right.name])
