"""Fixtures of the tests that need a real Apache Kafka; every test in this folder is marked ``broker``."""

from __future__ import annotations

import os
import re
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka_broker import Broker, BrokerError, Names, RunningBroker, running
from maven import JavaToolError
from ports import held_port
from worker_process import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.broker)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A real broker: the one in ``KAFKA_BOOTSTRAP``, or else one that runs until the end of the session."""
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP"):
        yield RunningBroker(bootstrap)
        return
    with _started(Broker(tmp_path_factory.mktemp("kafka"))) as started:
        yield RunningBroker(started.bootstrap)


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker for this test alone, which the test may pause, stop, kill and start."""
    with _started(Broker(tmp_path / "kafka", heap="512m")) as started:
        yield started


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Names:
    """A topic prefix, a group id and the name of a source topic (not created) for this test alone."""
    test = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:60].strip("-")
    unique = f"{test}-{uuid.uuid4().hex[:8]}"
    return Names(topic_prefix=unique, group_id=f"group-{unique}", source_topic=f"cloudtrail-{unique}")


@pytest.fixture
def deployment(broker: RunningBroker, names: Names, tmp_path: Path) -> Deployment:
    """A deployment with its topics and a source topic of three partitions."""
    broker.create_topic(names.source_topic, partitions=3)
    made = Deployment(broker.bootstrap, names, tmp_path)
    made.apply_topics()
    return made


@contextmanager
def _started(broker: Broker) -> Iterator[Broker]:
    """Run a broker. If this machine cannot, the test fails and says what to install; it is never skipped."""
    try:
        with running(broker):
            yield broker
    except (BrokerError, JavaToolError) as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nothing listens."""
    with held_port() as port:
        yield port
