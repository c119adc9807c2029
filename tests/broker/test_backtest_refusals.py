"""``rootwatch backtest`` and ``warm-up`` when the broker refuses: exit 1 at once, and the refusal is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka_broker import Broker, create_topic, running
from replay_records import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = "cloudtrail"
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that accepts ``reader``, but gives it no right."""
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl.plain.sasl.jaas.config": f'{LOGIN} required user_reader="right";',
    }
    folder = tmp_path_factory.mktemp("guarded")
    with running(Broker(folder, properties=properties, listeners={"SASL": "SASL_PLAINTEXT"}, heap="512m")) as broker:
        create_topic(broker.bootstrap, TOPIC, 1)
        yield broker.address("SASL")


@pytest.mark.parametrize(
    ("command", "password", "named"),
    [
        ("backtest", "wrong", "Authentication failed"),
        ("backtest", "right", f"topic {TOPIC}: Describe: Broker: Topic authorization failed"),
        ("warm-up", "wrong", "Authentication failed"),
        ("warm-up", "right", "not allowed: topic rootwatch.sightings: Write. Grant it: "),
    ],
)
def test_refusal_is_named_at_once(  # noqa: PLR0913, PLR0917  fixtures and a table's columns
    command: str,
    password: str,
    named: str,
    guarded: str,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """P7: rejected credentials or a missing right end the command with exit 1, without a minute of retries."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text(f"{password}\n")
    for name, value in {
        "BOOTSTRAP_SERVERS": guarded,
        "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SASL_MECHANISM": "PLAIN",
        "SASL_USERNAME": "reader",
        "SASL_PASSWORD_FILE": str(tmp_path / "password"),
    }.items():
        monkeypatch.setenv(f"ROOTWATCH_{name}", value)
    ran = run(capsysbinary, monkeypatch, command, "--topic", TOPIC)
    assert (ran.code, ran.out) == (1, b"")
    assert named in ran.err
