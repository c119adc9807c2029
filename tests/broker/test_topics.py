from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from streams.settings import Settings
from streams.topics.admin import BrokerUnreachable, apply_topics, check_topics
from streams.topics.catalogue import catalogue, topic_names

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker

DAY = 86_400_000
MIB = 1 << 20


@pytest.fixture
def settings(broker: RunningBroker, names: Names) -> Settings:
    broker.create_topic(names.source_topic, 3)
    return made(broker, names)


def made(broker: RunningBroker, names: Names, **more: Any) -> Settings:
    given = {
        "bootstrap_servers": broker.bootstrap,
        "topic_prefix": names.topic_prefix,
        "group_id": names.group_id,
        "source_topics": names.source_topic,
        "partitions": 4,
    }
    return Settings(**given | more)


def config_of(broker: RunningBroker, topic: str) -> dict[str, str]:
    admin: AdminClient = broker.admin()
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(60).items()}


def test_apply_creates_every_topic(broker: RunningBroker, names: Names, settings: Settings) -> None:
    """P6: apply creates missing topics with partitions, retention and compaction, and does not touch the source."""
    done, remaining = apply_topics(settings)
    assert remaining == []
    assert len(done) == 10
    topics = broker.admin().list_topics(timeout=60).topics
    prefix, group = names.topic_prefix, names.group_id
    kept = {
        f"{prefix}.sightings": 400,
        f"{prefix}.sessions": 400,
        f"{prefix}.activity": 400,
        f"{prefix}.alerts": 400,
        f"{prefix}.alerts.overflow": 400,
        f"{prefix}.dead-letter": 30,
    }
    for topic, days in kept.items():
        config = config_of(broker, topic)
        assert len(topics[topic].partitions) == 4
        assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", str(days * DAY))
        assert config["max.message.bytes"] == str(16 * MIB)
    assert len(topics[f"{group}-memory-changelog"].partitions) == 4
    assert config_of(broker, f"{group}-memory-changelog")["cleanup.policy"] == "compact"
    assert len(topics[f"{group}-__assignor-__leader"].partitions) == 1
    assert len(topics[names.source_topic].partitions) == 3


def test_apply_again_changes_nothing(settings: Settings) -> None:
    """Apply is idempotent, and check finds nothing after it."""
    apply_topics(settings)
    assert check_topics(settings) == []
    assert apply_topics(settings) == ([], [])


def test_check_names_what_is_missing(broker: RunningBroker, names: Names) -> None:
    """Check names every missing topic, including the source, and creates none."""
    settings = made(broker, names)
    found = {finding.topic: finding for finding in check_topics(settings)}
    assert set(found) == {topic.name for topic in catalogue(settings)} | {names.source_topic}
    assert all(finding.stops_worker for finding in found.values())
    assert "its owner" in str(found[names.source_topic])
    assert not set(found) & set(broker.admin().list_topics(timeout=60).topics)


def test_apply_does_not_create_the_source(broker: RunningBroker, names: Names) -> None:
    """A missing source topic stays missing and is reported, while all others are created."""
    settings = made(broker, names)
    done, remaining = apply_topics(settings)
    assert len(done) == 10
    assert [(finding.topic, finding.aspect) for finding in remaining] == [(names.source_topic, "source")]
    assert names.source_topic not in broker.admin().list_topics(timeout=60).topics


def test_settings_that_differ_are_fixed(broker: RunningBroker, settings: Settings) -> None:
    """Check names a wrong retention or compaction, and apply fixes it; other topic settings stay unchanged."""
    changelog, alerts = topic_names(settings).changelog, topic_names(settings).alerts
    large = str(16 * MIB)
    broker.create_topic(changelog, 4, cleanup_policy="compact,delete", segment_bytes="2097152", max_message_bytes=large)
    broker.create_topic(alerts, 4, retention_ms="1000", max_message_bytes=large)
    apart = [finding for finding in check_topics(settings) if finding.aspect != "missing"]
    assert [(finding.topic, finding.aspect, finding.stops_worker) for finding in apart] == [
        (alerts, "retention.ms", False),
        (changelog, "cleanup.policy", True),
    ]
    assert str(apart[0]) == f"topic {alerts}: retention.ms is 1000 and must be {400 * DAY}"
    _, remaining = apply_topics(settings)
    assert remaining == check_topics(settings) == []
    assert config_of(broker, changelog)["segment.bytes"] == "2097152"


def test_partitions_are_never_changed(broker: RunningBroker, settings: Settings) -> None:
    """A wrong number of partitions stops the worker. Apply does not change it: memory would be in other partitions."""
    sightings = topic_names(settings).sightings
    broker.create_topic(sightings, 2)
    _, remaining = apply_topics(settings)
    assert [(finding.topic, finding.aspect, finding.stops_worker) for finding in remaining] == [
        (sightings, "partitions", True)
    ]
    assert "has 2 partitions and must have 4" in str(remaining[0])
    assert len(broker.admin().list_topics(timeout=60).topics[sightings].partitions) == 2


def test_replication_that_differs_is_named(broker: RunningBroker, names: Names, settings: Settings) -> None:
    """A different replication factor is reported, and a worker still starts."""
    apply_topics(settings)
    findings = check_topics(made(broker, names, replication_factor=2))
    assert {finding.aspect for finding in findings} == {"replication_factor"}
    assert not any(finding.stops_worker for finding in findings)


def test_a_topic_is_not_source_and_own(broker: RunningBroker, names: Names, settings: Settings) -> None:
    """A worker does not start if it would read its own output."""
    apply_topics(settings)
    (finding,) = check_topics(made(broker, names, source_topics=topic_names(settings).alerts))
    assert (finding.aspect, finding.stops_worker) == ("source", True)


def test_no_broker_is_worth_another_try(names: Names, unused_port: int) -> None:
    """A broker that does not answer is another error than a refusal, and is named with its address."""
    settings = Settings(bootstrap_servers=f"127.0.0.1:{unused_port}", source_topics=names.source_topic)
    with pytest.raises(BrokerUnreachable, match=f"no broker of 127.0.0.1:{unused_port} answers"):
        check_topics(settings)
