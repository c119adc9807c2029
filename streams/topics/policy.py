"""Topic settings that a cluster's policy refuses, and which are then left out (docs/operations.md, "Managed clusters").

Facts: MSK Serverless allows ``cleanup.policy`` (when a topic is created), ``max.message.bytes`` up to 8 MiB and the
retention, and no other setting used here (docs.aws.amazon.com/msk, "Configuration properties for MSK Serverless
clusters"). Confluent Cloud answers POLICY_VIOLATION to a ``max.message.bytes`` above 8 MiB. Redpanda answers
INVALID_CONFIG to a value outside of its limits, and does not report ``min.insync.replicas``.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from streams.kafka.admin import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.kafka.admin import BrokerAccess
    from streams.topics.catalogue import Topic

LARGEST = "max.message.bytes"
_POLICY = {KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG, KafkaError.INVALID_REQUEST}
# No decision or memory of a worker depends on these: how many brokers acknowledge, and how long topics keep records.
_DISPENSABLE = {"min.insync.replicas", "retention.ms"}
_LOWER = "lower max_record_size to what this cluster takes (Confluent Cloud and MSK Serverless: 8MiB)"


def is_dispensable(name: str) -> bool:
    """Whether a worker works correctly with the cluster's own value of a topic setting."""
    return name in _DISPENSABLE


def create(access: BrokerAccess, topic: Topic) -> dict[str, str]:
    """Create a topic without the dispensable settings that the cluster refuses. Returns the settings that it has.

    Raises:
        BrokerUnreachable, AccessRefused: as ``BrokerAccess.result``.
        BrokerError: it was refused whatever was left out; if one of our settings is the fix, the message names it.
    """
    refusal = BrokerError()
    for left_out in _fewest_first(topic.config):
        config = {name: value for name, value in topic.config.items() if name not in left_out}
        try:
            _create(access, topic, config)
        except BrokerError as error:
            if not is_policy(error):
                raise
            refusal = error  # the last refusal is about what cannot be left out
        else:
            return config
    if _takes_without_size(access, topic):
        raise BrokerError(f"{refusal}; {_LOWER}") from refusal.__cause__
    raise refusal


def alter(access: BrokerAccess, name: str, config: Mapping[str, str], *, validate_only: bool = False) -> None:
    """Set settings of a topic, or, with ``validate_only``, ask whether the cluster would take them.

    Raises:
        BrokerUnreachable, AccessRefused, BrokerError: as ``BrokerAccess.result``.
    """
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in sorted(config.items())
    ]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    (future,) = access.client.incremental_alter_configs([resource], validate_only=validate_only).values()
    access.result(f"topic {name}", "AlterConfigs", future)


def refused_change(access: BrokerAccess, topic: str, name: str, value: str) -> str:
    """Why the cluster refuses this value of a topic's setting, with the fix if there is one; empty if it takes it.

    Raises:
        BrokerUnreachable, AccessRefused, BrokerError: as ``BrokerAccess.result``, unless policy is the reason.
    """
    try:
        alter(access, topic, {name: value}, validate_only=True)
    except BrokerError as error:
        if not is_policy(error):
            raise
        return f"{reason(error)}; {_LOWER}" if name == LARGEST else reason(error)
    return ""


def is_policy(error: BrokerError) -> bool:
    """Whether the cluster understood the request, and refuses it to everybody."""
    return code(error) in _POLICY


def code(error: BrokerError) -> int | None:
    """The client's error code; ``None`` if the error is not an answer of the cluster."""
    cause = error.__cause__
    return int(cause.args[0].code()) if isinstance(cause, KafkaException) else None


def reason(error: BrokerError) -> str:
    """The text of a refusal, without the request."""
    return str(error).split(": ", 2)[-1]


def _fewest_first(config: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Which settings to leave out, in turn. ``cleanup.policy`` may be left out if it has Kafka's default."""
    names = [name for name in config if is_dispensable(name) or (name, config[name]) == ("cleanup.policy", "delete")]
    for count in range(len(names) + 1):
        yield from combinations(names, count)


def _create(access: BrokerAccess, topic: Topic, config: Mapping[str, str], *, validate_only: bool = False) -> None:
    new = NewTopic(topic.name, topic.partitions, topic.replication_factor, config=dict(config))
    (future,) = access.client.create_topics([new], validate_only=validate_only).values()
    access.result(f"topic {topic.name}", "Create", future)


def _takes_without_size(access: BrokerAccess, topic: Topic) -> bool:
    """Whether the cluster would create the topic if it did not have to take large records."""
    *_, everything = _fewest_first(topic.config)
    config = {name: value for name, value in topic.config.items() if name not in {*everything, LARGEST}}
    try:
        _create(access, topic, config, validate_only=True)
    except BrokerError:
        return False
    return LARGEST in topic.config
