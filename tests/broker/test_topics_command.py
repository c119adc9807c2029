from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kafka_broker import Names, RunningBroker
    from registry_server import RegistryServer

ROOTWATCH = Path(sys.executable).with_name("rootwatch")


@pytest.fixture
def here(broker: RunningBroker, names: Names, tmp_path: Path) -> Path:
    """A folder with settings for the broker; the source topic does not exist yet."""
    (tmp_path / "rootwatch.toml").write_text(
        f"bootstrap_servers = '{broker.bootstrap}'\ntopic_prefix = '{names.topic_prefix}'\n"
        f"group_id = '{names.group_id}'\nsource_topics = '{names.source_topic}'\npartitions = 2\n"
    )
    return tmp_path


def rootwatch(here: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOTWATCH_")}
    return subprocess.run(  # noqa: S603  the project's own command
        [ROOTWATCH, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=here,
        env=environment | variables,
        timeout=60,
    )


def test_from_nothing_to_all_well(broker: RunningBroker, names: Names, here: Path) -> None:
    """Check names what is missing with exit 1, apply creates everything except the source; then check exits 0."""
    done = rootwatch(here, "topics", "check")
    assert done.returncode == 1
    assert f"wrong\ttopic {names.topic_prefix}.alerts: missing\n" in done.stdout
    assert f"wrong\ttopic {names.source_topic}: missing" in done.stdout
    assert "topics apply" in done.stderr

    done = rootwatch(here, "topics", "apply")
    assert done.returncode == 1
    assert f"done\ttopic {names.topic_prefix}.alerts: created with 2 partitions\n" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("wrong")] == [
        f"wrong\ttopic {names.source_topic}: missing; a source topic is its owner's to create"
    ]

    broker.create_topic(names.source_topic)
    for command in ("check", "apply"):
        done = rootwatch(here, "topics", command)
        assert (done.returncode, done.stdout) == (0, "ok\tevery topic is as it must be\n"), done.stderr


def test_the_registry_is_set_up_too(broker: RunningBroker, names: Names, here: Path, registry: RegistryServer) -> None:
    """With a registry configured, apply registers the alert schema for both topics, FULL_TRANSITIVE; check sees it."""
    broker.create_topic(names.source_topic)
    where = {"ROOTWATCH_SCHEMA_REGISTRY_URL": registry.url}
    assert rootwatch(here, "topics", "apply").returncode == 0
    done = rootwatch(here, "topics", "check", **where)
    assert done.returncode == 1
    assert f"wrong\tsubject {names.topic_prefix}.alerts-value: " in done.stdout
    done = rootwatch(here, "topics", "apply", **where)
    assert done.returncode == 0, done.stderr
    assert f"subject {names.topic_prefix}.alerts.overflow-value: compatibility set to FULL_TRANSITIVE" in done.stdout
    assert rootwatch(here, "topics", "check", **where).returncode == 0


def test_a_registry_that_is_not_there(broker: RunningBroker, names: Names, here: Path) -> None:
    """A registry that does not answer is exit 1 and one line."""
    broker.create_topic(names.source_topic)
    assert rootwatch(here, "topics", "apply").returncode == 0
    done = rootwatch(here, "topics", "check", ROOTWATCH_SCHEMA_REGISTRY_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("rootwatch: schema registry unreachable")
    assert done.stderr.count("\n") == 1


def test_a_broker_without_an_authorizer_has_no_rights(broker: RunningBroker, names: Names, here: Path) -> None:
    """If a broker enforces no rights, --acls is exit 1 and one line that says so."""
    broker.create_topic(names.source_topic)
    for command in ("apply", "check"):
        done = rootwatch(here, "topics", command, "--acls", "User:rootwatch")
        assert done.returncode == 1
        refusal = "cluster: DescribeAcls: the brokers have no authorizer, and enforce no rights"
        assert done.stderr == f"rootwatch: {refusal}\n"


@pytest.mark.parametrize("principal", ["rootwatch", "User:", ":rootwatch", ""])
def test_a_principal_has_a_type_and_a_name(tmp_path: Path, principal: str) -> None:
    """A value that is not a principal is wrong usage, before any question to a broker."""
    done = rootwatch(tmp_path, "topics", "apply", "--acls", principal)
    assert done.returncode == 2
    assert f"'--acls': {principal!r} is no principal" in done.stderr
