"""Creates and checks topics: ``topics apply``, ``topics check``, and what a worker does before it starts.

Source topics belong to others: they must be there, and are never created or changed. The number of partitions and of
replicas is never changed in place: with other partitions a principal's next sighting would go elsewhere than its
memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.worker.broker_access import (
    AccessRefused,
    BrokerAccess,
    BrokerError,
    BrokerUnreachable,
)
from streams.worker.topics import Topic, catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.settings import Settings

__all__ = ["AccessRefused", "BrokerError", "BrokerUnreachable", "Finding", "apply_topics", "check_topics"]

_POLICY = "cleanup.policy"
_SEEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a topic that is not as it must be; its text is a sentence.

    Attributes:
        topic: the topic's name.
        aspect: ``missing``, ``source`` (a source topic is missing, or is no source), ``partitions``,
            ``replication_factor``, or the name of a topic setting, such as ``retention.ms``.
        problem: what is, and what must be.
        stops_worker: whether a worker must not start so.
    """

    topic: str
    aspect: str
    problem: str
    stops_worker: bool

    def __str__(self) -> str:
        return f"topic {self.topic}: {self.problem}"


def check_topics(settings: Settings) -> list[Finding]:
    """What is missing or differs; empty if all is well. Changes nothing.

    Raises:
        BrokerUnreachable: no broker answers; worth another try.
        AccessRefused: the credentials or a right are refused.
        BrokerError: the broker refuses for another reason.
    """
    with BrokerAccess(settings) as access:
        return _check(access, settings)


def apply_topics(settings: Settings) -> tuple[list[str], list[Finding]]:
    """Create the topics that are missing, and set what can be changed in place; a second call changes nothing.

    Returns:
        What was done, a sentence each, and what is still not as it must be.

    Raises:
        As ``check_topics``; what was done before stays done.
    """
    with BrokerAccess(settings) as access:
        findings = _check(access, settings)
        wanted = {topic.name: topic for topic in catalogue(settings)}
        done = []
        remaining = []
        changes: dict[str, dict[str, str]] = {}
        for finding in findings:
            match finding.aspect:
                case "missing":
                    done += _create(access, wanted[finding.topic])
                case "source" | "partitions" | "replication_factor":
                    remaining.append(finding)
                case setting:
                    changes.setdefault(finding.topic, {})[setting] = wanted[finding.topic].config[setting]
        for name, config in changes.items():
            done.append(_configure(access, name, config))
        created = [finding.topic for finding in findings if finding.aspect == "missing"]
        _wait_until_seen(access, {**{name: wanted[name].config for name in created}, **changes})
        return done, remaining


def _wait_until_seen(access: BrokerAccess, changes: Mapping[str, Mapping[str, str]]) -> None:
    """Wait until a broker shows what the controller has done, with a leader for each partition.

    A command that is run at once, as in a script, must not find a topic missing, or nobody who takes its records.
    A broker that lags for longer than ``_SEEN_SECONDS`` is left to catch up by itself: what was asked is done.
    """

    def unseen() -> bool:
        if not all(map(_led, _describe(access, list(changes)).values())):
            return True
        configs = _configs(access, list(changes))
        return any(configs[name].get(key) != value for name, config in changes.items() for key, value in config.items())

    if changes:
        tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            wait=tenacity.wait_fixed(0.2),
            stop=tenacity.stop_after_delay(_SEEN_SECONDS),
            retry_error_callback=lambda _state: None,
        )(unseen)


def _check(access: BrokerAccess, settings: Settings) -> list[Finding]:
    wanted = catalogue(settings)
    described = _describe(access, [*settings.source_topics, *(topic.name for topic in wanted)])
    findings = [
        Finding(name, "source", "missing; a source topic is its owner's to create", stops_worker=True)
        for name in settings.source_topics
        if described[name] is None
    ]
    findings += [
        Finding(name, "source", "is a source and one of this deployment's own; change topic_prefix", stops_worker=True)
        for name in sorted({topic.name for topic in wanted}.intersection(settings.source_topics))
    ]
    configs = _configs(access, [topic.name for topic in wanted if described[topic.name] is not None])
    for topic in wanted:
        description = described[topic.name]
        if description is None:
            findings.append(Finding(topic.name, "missing", "missing", stops_worker=True))
        else:
            findings += _compare(topic, description, configs[topic.name])
    return findings


def _compare(topic: Topic, description: Any, config: Mapping[str, str]) -> list[Finding]:
    """How an existing topic differs from what it must be."""
    findings = []
    partitions = len(description.partitions)
    if partitions != topic.partitions:
        problem = f"has {_count(partitions)} and must have {topic.partitions}; this cannot be changed in place"
        findings.append(Finding(topic.name, "partitions", f"{problem} (docs/operations.md)", stops_worker=True))
    replicas = min((len(partition.replicas) for partition in description.partitions), default=0)
    if replicas != topic.replication_factor:
        problem = f"replication factor is {replicas} and must be {topic.replication_factor}; reassign its partitions"
        findings.append(Finding(topic.name, "replication_factor", problem, stops_worker=False))
    for name, value in topic.config.items():
        actual = config.get(name, "")
        if sorted(actual.split(",")) != sorted(value.split(",")):
            stops = topic.remembers and name == _POLICY
            findings.append(Finding(topic.name, name, f"{name} is {actual} and must be {value}", stops_worker=stops))
    return findings


def _describe(access: BrokerAccess, names: Sequence[str]) -> dict[str, Any]:
    """Each topic's description; None for one that is not there."""
    futures = access.client.describe_topics(TopicCollection(list(dict.fromkeys(names))))
    described: dict[str, Any] = {}
    for name, future in futures.items():
        try:
            described[name] = access.result(f"topic {name}", "Describe", future)
        except BrokerError as error:
            if not _is(error, KafkaError.UNKNOWN_TOPIC_OR_PART):
                raise
            described[name] = None
    return described


def _led(description: Any) -> bool:
    """Whether a topic is there, and somebody leads each of its partitions."""
    return description is not None and all(partition.leader is not None for partition in description.partitions)


def _configs(access: BrokerAccess, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The settings of topics that are there."""
    if not names:
        return {}
    futures = access.client.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    return {
        resource.name: {
            name: entry.value
            for name, entry in access.result(f"topic {resource.name}", "DescribeConfigs", future).items()
        }
        for resource, future in futures.items()
    }


def _create(access: BrokerAccess, topic: Topic) -> list[str]:
    new = NewTopic(topic.name, topic.partitions, topic.replication_factor, config=dict(topic.config))
    (future,) = access.client.create_topics([new]).values()
    try:
        access.result(f"topic {topic.name}", "Create", future)
    except BrokerError as error:
        if not _is(error, KafkaError.TOPIC_ALREADY_EXISTS):  # by somebody else in the meantime: as good
            raise
        return []
    return [f"topic {topic.name}: created with {_count(topic.partitions)}"]


def _configure(access: BrokerAccess, name: str, config: Mapping[str, str]) -> str:
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in sorted(config.items())
    ]
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    (future,) = access.client.incremental_alter_configs([resource]).values()
    access.result(f"topic {name}", "AlterConfigs", future)
    return f"topic {name}: " + ", ".join(f"{key} set to {value}" for key, value in sorted(config.items()))


def _is(error: BrokerError, code: int) -> bool:
    cause = error.__cause__
    return isinstance(cause, KafkaException) and cause.args[0].code() == code


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
