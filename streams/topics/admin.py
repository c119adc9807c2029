"""Creates and checks topics: ``topics apply``, ``topics check``, and what a worker does before it starts.

Source topics belong to others: they must exist, and are never created or changed. The numbers of partitions and
replicas are never changed in place, because with other partitions a principal's next sighting would be in another
partition than its memory. If a setting differs, the cluster is asked, without a change, whether its policy would refuse
the right value. So check and apply say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import tenacity
from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import ConfigResource, ConfigSource, ResourceType

from streams.kafka.admin import (
    AccessRefused,
    BrokerAccess,
    BrokerError,
    BrokerUnreachable,
)
from streams.topics import policy
from streams.topics.catalogue import Topic, catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import ConfigEntry, TopicDescription

    from streams.settings import Settings

__all__ = ["AccessRefused", "BrokerError", "BrokerUnreachable", "Finding", "apply_topics", "check_topics"]

_POLICY = "cleanup.policy"
_NOT_IN_PLACE = {"source", "partitions", "replication_factor"}
_SEEN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a topic; as text it is a sentence.

    Attributes:
        topic: the topic's name.
        aspect: ``missing``, ``source`` (a source topic is missing, or cannot be one), ``partitions``,
            ``replication_factor``, or the name of a topic setting, such as ``retention.ms``.
        problem: the actual and the right value.
        stops_worker: whether a worker must not start.
        is_refused: whether the cluster would refuse the fix.
        is_wrong: whether it must be fixed; false if it is left to the cluster.
    """

    topic: str
    aspect: str
    problem: str
    stops_worker: bool
    is_refused: bool = False
    is_wrong: bool = True

    @property
    def is_fixable(self) -> bool:
        """Whether apply fixes it."""
        return self.is_wrong and not self.is_refused and self.aspect not in _NOT_IN_PLACE

    def __str__(self) -> str:
        return f"topic {self.topic}: {self.problem}"


def check_topics(settings: Settings) -> list[Finding]:
    """What is missing or differs; empty if nothing is wrong. Changes nothing.

    Raises:
        BrokerUnreachable: no broker answers; worth another try.
        AccessRefused: the credentials or a right are refused.
        BrokerError: the broker refuses for another reason.
    """
    with BrokerAccess(settings) as access:
        return _check(access, settings)


def apply_topics(settings: Settings) -> tuple[list[str], list[Finding]]:
    """Create missing topics, and set what can be changed in place; a second call changes nothing.

    Returns:
        What was done, as sentences, and what is still wrong or is left to the cluster.

    Raises:
        As ``check_topics``; what was done before an error stays done.
    """
    with BrokerAccess(settings) as access:
        findings = _check(access, settings)
        topics = {topic.name: topic for topic in catalogue(settings)}
        done = []
        changes: dict[str, dict[str, str]] = {}
        expected: dict[str, Mapping[str, str]] = {}
        for finding in findings:
            if not finding.is_fixable:
                continue
            topic = topics[finding.topic]
            if finding.aspect == "missing":
                expected[topic.name], created = _create(access, topic)
                done += created
            else:
                changes.setdefault(topic.name, {})[finding.aspect] = topic.config[finding.aspect]
        for name, config in changes.items():
            policy.alter(access, name, config)
            done.append(f"topic {name}: " + ", ".join(f"{key} set to {config[key]}" for key in sorted(config)))
        _wait_until_seen(access, expected | changes)
        return done, _check(access, settings) if done else findings


def _wait_until_seen(access: BrokerAccess, changes: Mapping[str, Mapping[str, str]]) -> None:
    """Wait until a broker shows the changes, and each partition has a leader.

    The next command of a script must not find a topic missing, or a partition without a leader. If a broker needs
    longer than ``_SEEN_SECONDS``, it catches up by itself: the controller has made the changes.
    """

    def unseen() -> bool:
        if not all(map(_has_leaders, _describe(access, list(changes)).values())):
            return True
        configs = _configs(access, list(changes))
        return any(
            key not in configs[name] or configs[name][key].value != value
            for name, config in changes.items()
            for key, value in config.items()
        )

    if changes:
        tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            wait=tenacity.wait_fixed(0.2),
            stop=tenacity.stop_after_delay(_SEEN_SECONDS),
            retry_error_callback=lambda _state: None,
        )(unseen)


def _check(access: BrokerAccess, settings: Settings) -> list[Finding]:
    topics = catalogue(settings)
    described = _describe(access, [*settings.source_topics, *(topic.name for topic in topics)])
    findings = [
        Finding(name, "source", "missing; a source topic is its owner's to create", stops_worker=True)
        for name in settings.source_topics
        if described[name] is None
    ]
    findings += [
        Finding(name, "source", "is a source and one of this deployment's own; change topic_prefix", stops_worker=True)
        for name in sorted({topic.name for topic in topics}.intersection(settings.source_topics))
    ]
    configs = _configs(access, [topic.name for topic in topics if described[topic.name] is not None])
    for topic in topics:
        description = described[topic.name]
        if description is None:
            findings.append(Finding(topic.name, "missing", "missing", stops_worker=True))
        else:
            findings += _compare_shape(topic, description)
            findings += _compare_settings(access, topic, configs[topic.name])
    return findings


def _compare_shape(topic: Topic, description: TopicDescription) -> list[Finding]:
    """How the partitions and replicas of an existing topic differ from the right numbers."""
    findings = []
    partitions = len(description.partitions)
    if partitions != topic.partitions:
        problem = f"has {_count(partitions)} and must have {topic.partitions}; this cannot be changed in place"
        findings.append(Finding(topic.name, "partitions", f"{problem} (docs/operations.md)", stops_worker=True))
    replicas = min((len(partition.replicas) for partition in description.partitions), default=0)
    if replicas != topic.replication_factor:
        problem = f"replication factor is {replicas} and must be {topic.replication_factor}; reassign its partitions"
        findings.append(Finding(topic.name, "replication_factor", problem, stops_worker=False))
    return findings


def _compare_settings(access: BrokerAccess, topic: Topic, config: Mapping[str, ConfigEntry]) -> list[Finding]:
    """How the settings of an existing topic differ from the right values, and whether the cluster would take these."""
    findings = []
    for name, value in topic.config.items():
        entry = config.get(name)
        if entry is None and policy.is_dispensable(name):
            problem = f"the cluster knows no {name}; it is left out"
            findings.append(Finding(topic.name, name, problem, stops_worker=False, is_refused=True, is_wrong=False))
            continue
        actual = "" if entry is None or entry.value is None else entry.value
        if sorted(actual.split(",")) == sorted(value.split(",")):
            continue
        stops = topic.remembers and name == _POLICY
        finding = Finding(topic.name, name, f"{name} is {actual} and must be {value}", stops_worker=stops)
        findings.append(_with_cluster_answer(access, finding, value, is_own=_is_own(entry)))
    return findings


def _with_cluster_answer(access: BrokerAccess, finding: Finding, value: str, *, is_own: bool) -> Finding:
    """Add to the finding about a setting whether the cluster would take the right value.

    Args:
        access: the connection to the cluster.
        finding: the finding, as fixable.
        value: the right value.
        is_own: whether the topic has a value of its own, and not the cluster's.
    """
    is_dispensable = policy.is_dispensable(finding.aspect)
    try:
        refused = policy.refused_change(access, finding.topic, finding.aspect, value)
    except BrokerUnreachable:
        raise
    except BrokerError as no_answer:
        # Apply sets all settings of a topic. If this one is not set, apply never ran, or the cluster refused it.
        if is_own or not is_dispensable or not isinstance(no_answer, AccessRefused):
            return finding
        problem = f"{finding.problem}, unless the cluster refuses it; `rootwatch topics apply` tells"
        return replace(finding, problem=problem, is_wrong=False)
    if not refused:
        return finding
    problem = f"{finding.problem}, but the cluster refuses it: {refused}"
    return replace(finding, problem=problem, is_refused=True, is_wrong=not is_dispensable)


def _is_own(entry: ConfigEntry | None) -> bool:
    source = ConfigSource.DYNAMIC_TOPIC_CONFIG
    return entry is not None and entry.source in {source, source.value}  # the library gives the number


def _describe(access: BrokerAccess, names: Sequence[str]) -> dict[str, TopicDescription | None]:
    """Each topic's description; None for a missing topic."""
    futures = access.client.describe_topics(TopicCollection(list(dict.fromkeys(names))))
    described: dict[str, TopicDescription | None] = {}
    for name, future in futures.items():
        try:
            described[name] = access.result(f"topic {name}", "Describe", future)
        except BrokerError as error:
            if policy.code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            described[name] = None
    return described


def _has_leaders(description: TopicDescription | None) -> bool:
    """Whether a topic exists, and each of its partitions has a leader."""
    return description is not None and all(partition.leader is not None for partition in description.partitions)


def _configs(access: BrokerAccess, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry]]:
    """The settings of existing topics."""
    if not names:
        return {}
    futures = access.client.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    return {
        resource.name: access.result(f"topic {resource.name}", "DescribeConfigs", future)
        for resource, future in futures.items()
    }


def _create(access: BrokerAccess, topic: Topic) -> tuple[Mapping[str, str], list[str]]:
    """Create a topic. Returns the settings that it then has, and what was done."""
    try:
        config = policy.create(access, topic)
    except BrokerError as error:
        if policy.code(error) != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else created it meanwhile
            raise
        return topic.config, []
    left_out = ", ".join(sorted(topic.config.keys() - config))
    without = f", without {left_out}, which the cluster refuses" if left_out else ""
    return config, [f"topic {topic.name}: created with {_count(topic.partitions)}{without}"]


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
