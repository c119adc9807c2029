"""``rootwatch doctor`` samples the source topics: a worker that cannot read them is blind, but looks healthy."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from replay_records import ordinary, record
from worker_process import Deployment

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_broker import Names, RunningBroker

RECORD = json.dumps(record("2026-01-01T00:00:00Z")).encode()
UNKNOWN = b'{"wrapped_by": "nobody"}'


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    broker.create_topic(names.source_topic, partitions=2)
    made = Deployment(broker.bootstrap, names, tmp_path)
    made.apply_topics()
    return made


def sampled(deployment: Deployment) -> tuple[int, str, str]:
    """Doctor's exit code, and the state and sentence about the source topic's messages."""
    done = deployment.run("doctor")
    (row,) = [line for line in done.stdout.splitlines() if "\tsample: " in line]
    state, _, sentence = row.partition("\t")
    return done.returncode, state, sentence


def test_a_topic_is_told_by_what_is_in_it(deployment: Deployment) -> None:
    """An empty, a partly readable and a readable topic differ; only unreadable messages make doctor exit with 1."""
    topic = deployment.names.source_topic
    assert sampled(deployment) == (0, "unknown", f"sample: {topic}: is empty")

    blind = base64.b64encode(RECORD * 3)
    deployment.produce([b"\x93NUMPY" + blind] * 3)
    code, state, sentence = sampled(deployment)
    assert (code, state) == (1, "wrong")
    assert f"sample: {topic}: 0 of 3 sampled messages are CloudTrail; 3 cannot be read: 3 x " in sentence
    assert "`rootwatch explain --topic TOPIC --offset P:O`" in sentence

    deployment.produce([RECORD, *(ordinary(number) for number in range(6))])
    code, state, sentence = sampled(deployment)
    assert (code, state) == (0, "warning")
    assert "7 of 10 sampled messages are CloudTrail (7 record); 3 cannot be read: " in sentence


def test_a_rule_that_cannot_fire_is_named(deployment: Deployment) -> None:
    """U12: an event that is not in the sample may be rare; a rule on data events that are not recorded is a warning."""
    rule = deployment.folder / "objects.toml"
    rule.write_text(
        'id = "objects"\nname = "objects"\nversion = 1\nseverity = "low"\nrisk_score = 1\nwindow = "1d"\n'
        "query = 'event.provider: s3.amazonaws.com and event.action: GetObject'\nterms = ['user.name']\n"
    )
    deployment.settings["rules"] = f"{rule},shipped:aws-iam-role-trust-new-principal"
    deployment.produce([RECORD])
    rows = [line.split("\t") for line in deployment.run("doctor").stdout.splitlines() if "\trule: " in line]
    assert [(state, sentence.split(";")[0]) for state, sentence in rows if "version" not in sentence] == [
        (
            "unknown",
            "rule: aws-iam-role-trust-new-principal: UpdateAssumeRolePolicy never occurred in 1 records",
        ),
        ("warning", "rule: objects: GetObject: the trail must record data events"),
    ]


def test_the_newest_messages_are_the_sample(deployment: Deployment) -> None:
    """The newest 200 messages of each partition are read, whatever comes before them."""
    topic = deployment.names.source_topic
    producer = Producer({"bootstrap.servers": deployment.bootstrap})
    for value in [UNKNOWN] * 500 + [RECORD] * 200:
        for partition in range(2):
            producer.produce(topic, value, partition=partition)
    assert producer.flush(60) == 0
    code, state, sentence = sampled(deployment)
    assert (code, state) == (0, "ok")
    assert sentence == f"sample: {topic}: 400 of 400 sampled messages are CloudTrail (400 record)"
