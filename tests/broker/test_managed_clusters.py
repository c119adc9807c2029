"""Clusters with a policy that refuses some topic settings, like managed clusters."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from kafka_broker import Broker, Names, compile_java, create_topic, running
from worker_process import Deployment, assume_root, wait_for

from streams.settings import Settings
from streams.topics.admin import BrokerError, apply_topics, check_topics
from streams.topics.catalogue import catalogue, topic_names

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = Path(__file__).parent / "kafka" / "ManagedCluster.java"
SOURCE = "cloudtrail"
MIB = 1 << 20


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that refuses the settings that the topic's name gives."""
    folder = tmp_path_factory.mktemp("managed")
    policies = {f"{kind}.policy.class.name": "ManagedCluster" for kind in ("create.topic", "alter.config")}
    classes = compile_java(POLICY, folder / "classes")
    with running(Broker(folder, properties=policies, classes=classes, heap="512m")) as broker:
        create_topic(broker.bootstrap, SOURCE, 2, max_message_bytes=str(12 * MIB))
        yield broker.bootstrap


@pytest.fixture(autouse=True)
def _durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Require ``min.insync.replicas`` even with one replica, because a single broker can have no more."""
    monkeypatch.setattr("streams.topics.catalogue._SAFE_REPLICAS", 1)


def deployment(managed: str, name: str, **more: str) -> Settings:
    """The settings of a deployment whose topic names all begin with this name."""
    given = {"topic_prefix": name, "group_id": name, "source_topics": SOURCE, "partitions": 2}
    return Settings.model_validate({"bootstrap_servers": managed, **given, **more})


def there(managed: str, prefix: str) -> set[str]:
    """The existing topics with a prefix."""
    return {
        name for name in AdminClient({"bootstrap.servers": managed}).list_topics(timeout=60).topics if prefix in name
    }


def config_of(managed: str, topic: str) -> dict[str, str]:
    """A topic's settings, as the broker has them."""
    admin = AdminClient({"bootstrap.servers": managed})
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(60).items()}


def test_a_size_that_is_refused_names_the_setting(managed: str) -> None:
    """If the cluster refuses 16 MiB, nothing is created, and the refusal names the setting to lower."""
    settings = deployment(managed, "capped-and-fixed")
    with pytest.raises(BrokerError, match=r"exceeded max limit of 8388608.*lower max_record_size.*8MiB"):
        apply_topics(settings)
    assert there(managed, "capped-and-fixed") == set()


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("capped", set()),
        ("fixed", {"min.insync.replicas"}),
        ("capped-fixed", {"min.insync.replicas"}),
        ("capped-fixed-brief", {"min.insync.replicas", "retention.ms"}),
    ],
)
def test_what_is_not_needed_is_left_out(managed: str, kind: str, left_out: set[str]) -> None:
    """With a lower max_record_size all topics are created with all settings that the cluster allows; check agrees."""
    settings = deployment(managed, kind, max_record_size="8MiB")
    done, remaining = apply_topics(settings)
    assert len(done) == len(catalogue(settings))
    assert not any(finding.is_wrong for finding in remaining)
    assert {finding.aspect for finding in remaining} == left_out
    assert all("is not configurable" in str(finding) for finding in remaining)
    assert check_topics(settings) == remaining
    assert apply_topics(settings) == ([], remaining)
    for topic in catalogue(settings):
        actual = config_of(managed, topic.name)
        assert {name for name, value in topic.config.items() if actual[name] != value} == left_out & set(topic.config)


def test_what_is_there_is_fixed_as_far_as_the_cluster_lets_it(managed: str) -> None:
    """Apply fixes the settings of existing topics that the cluster allows; a refused one that is needed stays wrong."""
    settings = deployment(managed, "capped-fixed-rigid")
    names = topic_names(settings)
    create_topic(managed, names.alerts, 2)
    for changelog in names.changelogs.values():
        create_topic(managed, changelog, 2, max_message_bytes=str(8 * MIB))
    with pytest.raises(BrokerError, match=f"topic {names.sightings}: Create: .*lower max_record_size"):
        apply_topics(settings)
    settings = deployment(managed, "capped-fixed-rigid", max_record_size="8MiB")
    done, remaining = apply_topics(settings)
    assert f"topic {names.alerts}: max.message.bytes set to {8 * MIB}, retention.ms set to {400 * 86_400_000}" in done
    wrong = [finding for finding in remaining if finding.is_wrong]
    assert [finding.topic for finding in wrong] == list(names.changelogs.values())
    assert {(finding.aspect, finding.stops_worker) for finding in wrong} == {("cleanup.policy", True)}
    refusal = "but the cluster refuses it: Config property 'cleanup.policy' is set at"
    assert all(refusal in str(finding) for finding in wrong)
    assert {finding.aspect for finding in remaining if not finding.is_wrong} == {"min.insync.replicas"}
    assert check_topics(settings) == remaining
    (too_much,) = [
        finding
        for finding in check_topics(deployment(managed, "capped-fixed-rigid"))
        if finding.topic == names.changelog and finding.aspect == "max.message.bytes"
    ]
    assert (too_much.is_wrong, too_much.is_fixable) == (True, False)
    assert "lower max_record_size" in str(too_much)


def test_a_worker_works_where_records_are_capped(managed: str, tmp_path: Path) -> None:
    """On a cluster that allows 8 MiB and no retention, the commands agree, and large dead letters are cut to fit."""
    settings = {"max_record_size": "8MiB"}
    made = Deployment(managed, Names("capped-brief", "capped-brief", SOURCE), tmp_path, settings)
    for command in ("apply", "check"):
        said = made.run("topics", command)
        assert said.returncode == 0, said.stdout + said.stderr
        assert "wrong" not in said.stdout
        assert "warning\ttopic capped-brief.alerts: retention.ms is" in said.stdout
    said = made.run("doctor")
    assert "warning\ttopic capped-brief.alerts: retention.ms is" in said.stdout
    assert "ok\ttopics: every one is as it must be" in said.stdout
    with made.worker() as worker:
        worker.wait_until_ready()
        # Cut JSON, so that it is one dead letter, with content that hardly compresses.
        cut = b'{"AssumeRoot": "' + b64encode(Random(10).randbytes(7 * MIB))  # noqa: S311  no secret
        made.produce([assume_root(), cut], **{"message.max.bytes": 12 * MIB})
        wait_for(made.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert len(made.alerts()) == 1
    (letter,) = made.read("capped-brief.dead-letter")
    assert len(letter.value()) == 8 * MIB - 64 * 1024
    assert dict(letter.headers())["truncated"] == str(len(cut)).encode()
