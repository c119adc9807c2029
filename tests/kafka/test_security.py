from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from streams.kafka import security
from streams.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

MSK = "b-1.prod.a1b2.c3.kafka.eu-central-1.amazonaws.com:9098"


class Signer:
    """Replaces the optional library, which would ask AWS for credentials."""

    class MSKAuthTokenProvider:
        """Signs without asking."""

        @staticmethod
        def generate_auth_token(region: str) -> tuple[str, int]:
            """A token, and its expiry in milliseconds."""
            return f"signed for {region}", 1_800_000_000_500


def iam(**given: Any) -> Settings:
    return Settings(security_protocol="SASL_SSL", sasl_mechanism="AWS_MSK_IAM", **given)


def test_every_producer_partitions_as_faust_does() -> None:
    """Our producers partition by murmur2, wait for all replicas and take the largest dead letter."""
    options = security.producer_options(Settings())
    assert options["partitioner"] == "murmur2_random"
    assert (options["acks"], options["enable.idempotence"]) == ("all", True)
    assert options["message.max.bytes"] == 16 * 1024 * 1024
    assert security.producer_options(Settings(max_record_size="8MiB"))["message.max.bytes"] == 8 * 1024 * 1024


def test_an_open_broker_needs_nothing() -> None:
    """Without security settings both clients speak plaintext and send no credentials."""
    options = security.confluent_options(Settings(bootstrap_servers="a:1,b:2"))
    assert options["bootstrap.servers"] == "a:1,b:2"
    assert options["security.protocol"] == "PLAINTEXT"
    assert not [name for name in options if name.startswith(("sasl", "ssl"))]
    assert security.faust_credentials(Settings()) is None


def test_both_clients_get_the_same(tmp_path: Path) -> None:
    """User, password and mechanism reach both clients."""
    (tmp_path / "password").write_text("hunter2\n")
    settings = Settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_username="me",
        sasl_password_file=tmp_path / "password",
    )
    options = security.confluent_options(settings)
    credentials: Any = security.faust_credentials(settings)
    assert options["security.protocol"] == credentials.protocol.value == "SASL_SSL"
    assert options["sasl.mechanism"] == credentials.mechanism.value == "SCRAM-SHA-256"
    assert (options["sasl.username"], options["sasl.password"]) == ("me", "hunter2")
    assert (credentials.username, credentials.password) == ("me", "hunter2")
    assert credentials.ssl_context.check_hostname


@pytest.mark.parametrize(
    ("servers", "variable", "region"),
    [
        (MSK, None, "eu-central-1"),
        ("boot-x.c2.kafka-serverless.us-east-1.amazonaws.com:9098", "eu-west-1", "us-east-1"),
        ("kafka.internal:9098", "eu-west-1", "eu-west-1"),
    ],
)
def test_msk_tokens_are_signed_for_the_brokers_region(
    servers: str, variable: str | None, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clients get tokens for the region in the brokers' names, else in the environment; expiry is in seconds."""
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", Signer)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv("AWS_REGION", variable)
    options = security.confluent_options(iam(bootstrap_servers=servers))
    assert options["sasl.mechanism"] == "OAUTHBEARER"
    assert options["oauth_cb"]("") == (f"signed for {region}", 1_800_000_000.5)
    credentials: Any = security.faust_credentials(iam(bootstrap_servers=servers))
    given = credentials_to_aiokafka_auth(credentials)
    assert (given["security_protocol"], given["sasl_mechanism"]) == ("SASL_SSL", "OAUTHBEARER")
    assert asyncio.run(given["sasl_oauth_token_provider"].token()) == f"signed for {region}"


def test_msk_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """If AWS's library finds no credentials, the options of both clients say so, before a client waits for a token."""

    def generate_auth_token(_region: str) -> None:
        raise ValueError("Unable to locate credentials")

    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", Signer)
    monkeypatch.setattr(Signer.MSKAuthTokenProvider, "generate_auth_token", generate_auth_token)
    for options in (security.confluent_options, security.faust_credentials):
        with pytest.raises(
            security.CredentialsError, match=r"AWS_MSK_IAM.*\(Unable to locate credentials\); it takes AWS"
        ):
            options(iam(bootstrap_servers=MSK))


def test_msk_without_region_or_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error names what AWS MSK IAM is missing: the region, or the extra to install."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", Signer)
    with pytest.raises(SettingsError, match="AWS_REGION"):
        security.confluent_options(iam())
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(SettingsError, match=r"rootwatch\[msk\]"):
        security.faust_credentials(iam(bootstrap_servers=MSK))


def test_a_token_that_is_renewed_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Faust's client an expired token is a failed connection, which it tries again, and not the end."""
    monkeypatch.setattr(security, "_NO_TOKEN_SECONDS", 0)
    file = tmp_path / "token"
    file.write_text("opaque")
    settings = Settings(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", sasl_password_file=file)
    provider = credentials_to_aiokafka_auth(security.faust_credentials(settings))["sasl_oauth_token_provider"]
    file.write_text("")
    with pytest.raises(KafkaConnectionError, match=r"sasl_password_file = .*/token: the file is empty"):
        asyncio.run(provider.token())
    file.write_text("renewed")
    assert asyncio.run(provider.token()) == "renewed"
