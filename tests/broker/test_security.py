"""A broker with a listener per security protocol accepts or refuses both Kafka clients."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka_broker import Broker, create_topic, running
from worker_process import wait_for

from streams.errors import SourceError
from streams.kafka.admin import AccessRefused, BrokerAccess, BrokerUnreachable
from streams.kafka.readers.connection import Connection
from streams.kafka.security import faust_credentials
from streams.settings import Settings, SettingsError
from streams.topics.admin import apply_topics, check_topics
from streams.topics.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LISTENERS = {
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "SASL": "SASL_SSL",
    "OAUTH": "SASL_PLAINTEXT",
}
TOPIC = "secured"


@dataclass(frozen=True)
class Secured:
    """A broker with all these listeners, and the files that a client needs."""

    broker: Broker
    folder: Path

    def file(self, name: str, content: str | None = None) -> str:
        """The path of a file in the folder, written first if there is content."""
        path = self.folder / name
        if content is not None:
            path.write_text(content)
        return str(path)

    def settings(self, listener: str, **given: Any) -> Settings:
        """Settings for a listener; ``password`` is written to a file."""
        if (password := given.pop("password", None)) is not None:
            given["sasl_password_file"] = self.file(f"password-{uuid.uuid4()}", f"{password}\n")
        if listener != "OAUTH":
            given.setdefault("ssl_ca", self.file("ca.pem"))
        protocol = LISTENERS[listener]
        return Settings(bootstrap_servers=self.broker.address(listener), security_protocol=protocol, **given)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    store(folder / "broker.pem", authority.issue_cert("127.0.0.1"))
    store(folder / "expired.pem", authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)))
    store(folder / "elsewhere.pem", authority.issue_cert("kafka.example"))
    for name, until in (("client", None), ("old", datetime(2020, 1, 1, tzinfo=UTC))):
        client = authority.issue_cert("rootwatch.example", common_name="rootwatch", not_after=until)
        client.private_key_pem.write_to_path(folder / f"{name}.key")
        client.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    module = "org.apache.kafka.common.security"
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:rootwatch;User:admin",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(folder / "expired.pem"),
        "listener.name.elsewhere.ssl.keystore.type": "PEM",
        "listener.name.elsewhere.ssl.keystore.location": str(folder / "elsewhere.pem"),
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "listener.name.sasl.plain.sasl.jaas.config": (
            f'{module}.plain.PlainLoginModule required user_admin="admin secret";'
        ),
        "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.oauth.oauthbearer.sasl.jaas.config": (
            f'{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
        ),
    }
    scram = [
        f"--add-scram={mechanism}=[name={name},password={name} secret]"
        for name in ("admin", "limited")
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
    ]
    broker = Broker(folder / "kafka", properties=properties, listeners=LISTENERS, format_options=scram, heap="512m")
    with running(broker):
        create_topic(broker.bootstrap, TOPIC, 1)
        yield Secured(broker, folder)


def store(path: Path, certificate: trustme.LeafCert) -> None:
    """A key and its certificates in one PEM file, with the key in the form that Java reads (PKCS 8)."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + b"".join(part.bytes() for part in certificate.cert_chain_pems))


def token(subject: str, lifetime: float = 3600, algorithm: str = "none") -> str:
    """An unsecured JSON web token, which a broker without keys accepts."""
    parts = {"alg": algorithm}, {"sub": subject, "iat": time.time() - 5, "exp": time.time() + lifetime}
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join(encoded) + "."


def reach_with_confluent(settings: Settings) -> None:
    with BrokerAccess(settings) as access:
        access.result("cluster", "Describe", access.client.describe_cluster())


def reach_with_aiokafka(settings: Settings, patience_ms: int = 60_000) -> None:
    auth = credentials_to_aiokafka_auth(faust_credentials(settings))

    async def reach() -> None:
        servers = list(settings.bootstrap_servers)
        producer = AIOKafkaProducer(bootstrap_servers=servers, request_timeout_ms=patience_ms, **auth)
        try:
            await producer.start()
            assert await producer.partitions_for(TOPIC) == {0}
        finally:
            await producer.stop()

    asyncio.run(reach())


WAYS_IN: dict[str, tuple[str, dict[str, str]]] = {
    "TLS": ("TLS", {}),
    "mutual TLS": ("MUTUAL", {"ssl_cert": "client.pem", "ssl_key": "client.key"}),
    "PLAIN": ("SASL", {"sasl_mechanism": "PLAIN"}),
    "SCRAM-SHA-256": ("SASL", {"sasl_mechanism": "SCRAM-SHA-256"}),
    "SCRAM-SHA-512": ("SASL", {"sasl_mechanism": "SCRAM-SHA-512"}),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_both_clients_are_let_in(secured: Secured, way: str) -> None:
    """With the same settings confluent-kafka and Faust's aiokafka connect over TLS, mutual TLS, PLAIN and SCRAM."""
    listener, given = WAYS_IN[way]
    given = {name: secured.file(value) if name.startswith("ssl_") else value for name, value in given.items()}
    if "sasl_mechanism" in given:
        given |= {"sasl_username": "admin", "password": "admin secret"}
    settings = secured.settings(listener, **given)
    reach_with_confluent(settings)
    reach_with_aiokafka(settings)


def test_a_token_lets_both_clients_in(secured: Secured) -> None:
    """With OAUTHBEARER both clients send the token in the file."""
    settings = secured.settings("OAUTH", sasl_mechanism="OAUTHBEARER", password=token("admin"))
    reach_with_confluent(settings)
    reach_with_aiokafka(settings)


def test_an_expired_token_is_found_before_it_is_sent(secured: Secured) -> None:
    """An expired token is a settings mistake that names the file, for both clients."""
    settings = secured.settings("OAUTH", sasl_mechanism="OAUTHBEARER", password=token("admin", -60))
    for reach in (reach_with_confluent, reach_with_aiokafka):
        with pytest.raises(SettingsError, match=r"sasl_password_file = .*password-.*: the token in it has expired"):
            reach(settings)


def test_a_renewed_token_needs_no_restart(secured: Secured) -> None:
    """Faust's aiokafka reads the file's present token at each connection."""
    settings = secured.settings("OAUTH", sasl_mechanism="OAUTHBEARER", password=token("first"))
    provider = credentials_to_aiokafka_auth(faust_credentials(settings))["sasl_oauth_token_provider"]
    renewed = token("second")
    assert settings.sasl_password_file is not None
    settings.sasl_password_file.write_text(renewed)
    assert asyncio.run(provider.token()) == renewed


# aiokafka leaves the transport of a refused connection to the garbage collector, which warns about it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("listener", "given", "said"),
    [
        ("SASL", {"sasl_mechanism": "PLAIN", "password": "wrong"}, "Authentication failed"),
        ("SASL", {"sasl_mechanism": "SCRAM-SHA-512", "password": "wrong"}, "invalid credentials with SASL mechanism"),
        ("OAUTH", {"sasl_mechanism": "OAUTHBEARER", "password": token("admin", algorithm="RS256")}, "uthentication"),
        ("EXPIRED", {}, r"is not valid: certificate has expired; checked against ssl_ca = .*ca\.pem"),
        ("ELSEWHERE", {}, "is not valid: IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("TLS", {"ssl_ca": "other-ca.pem"}, "issuer certificate; checked against ssl_ca = .*other-ca"),
        ("MUTUAL", {}, "asks for a client's certificate .*; set ssl_cert and ssl_key"),
        ("MUTUAL", {"ssl_cert": "old.pem", "ssl_key": "old.key"}, "refuses the certificate in ssl_cert = .*old"),
    ],
    ids=[
        "wrong PLAIN",
        "wrong SCRAM",
        "wrong token",
        "expired certificate",
        "other host",
        "other authority",
        "no certificate",
        "old certificate",
    ],
)
def test_both_clients_are_kept_out(secured: Secured, listener: str, given: dict[str, str], said: str) -> None:
    """A wrong password, token or certificate is an error without secrets, not an endless retry."""
    given = {name: secured.file(value) if name.startswith("ssl_") else value for name, value in given.items()}
    if given.get("sasl_mechanism") not in {None, "OAUTHBEARER"}:
        given |= {"sasl_username": "admin"}
    settings = secured.settings(listener, **given)
    with pytest.raises(AccessRefused, match=said) as refused:
        reach_with_confluent(settings)
    assert given.get("password", "no password") not in str(refused.value)
    with pytest.raises((AioKafkaError, OSError)):
        # For aiokafka a broker that refuses a token just falls silent: it waits for the request's timeout.
        reach_with_aiokafka(settings, patience_ms=5000)
    gc.collect()  # here, and not in the next test


def test_a_refused_certificate_ends_a_replay_at_once(secured: Secured) -> None:
    """A certificate that a broker refuses only after the handshake (TLS 1.3) also ends a replay at once."""
    with Connection(secured.settings("MUTUAL")) as connection:
        with pytest.raises(SourceError, match=f"^topic {TOPIC}: Describe: .* asks for a client's certificate"):
            connection.partitions(TOPIC)
        assert connection.refusal is not None


def test_a_tls_listener_spoken_to_without_tls(secured: Secured) -> None:
    """If a broker closes the connection silently, the error names the setting that may be wrong."""
    settings = Settings(bootstrap_servers=secured.broker.address("TLS"))
    with pytest.raises(BrokerUnreachable, match=r"closed the connection; is security_protocol = PLAINTEXT right\?"):
        reach_with_confluent(settings)


def test_every_missing_right_is_named(secured: Secured) -> None:
    """A missing right on a topic is an error that names topic and operation, for every topic and right."""
    given: dict[str, Any] = {
        "topic_prefix": "limited",
        "group_id": "limited",
        "source_topics": TOPIC,
        "partitions": 1,
    }
    admin, limited = (
        secured.settings("SASL", sasl_mechanism="SCRAM-SHA-512", sasl_username=user, password=f"{user} secret", **given)
        for user in ("admin", "limited")
    )
    apply_topics(admin)
    own = [topic.name for topic in catalogue(limited)]
    for operation, topics in ((AclOperation.DESCRIBE, [TOPIC, *own]), (AclOperation.DESCRIBE_CONFIGS, own)):
        name = {AclOperation.DESCRIBE: "Describe", AclOperation.DESCRIBE_CONFIGS: "DescribeConfigs"}[operation]
        for topic in topics:
            with pytest.raises(AccessRefused, match=f"^topic {topic}: {name}: .*uthorization"):
                check_topics(limited)
            allow(secured, "limited", topic, operation)
    assert check_topics(limited) == []
    for operation in (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS):
        allow(secured, "limited", "*", operation)
    with pytest.raises(AccessRefused, match=r"^topic other\.sightings: Create: .*uthorization"):
        apply_topics(limited.model_copy(update={"topic_prefix": "other"}))


def allow(secured: Secured, user: str, topic: str, operation: AclOperation) -> None:
    """Grant a right, and wait until the broker knows it."""
    admin = AdminClient({"bootstrap.servers": secured.broker.bootstrap})
    right = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", operation)
    (future,) = admin.create_acls([AclBinding(*right, AclPermissionType.ALLOW)]).values()
    future.result(60)
    granted = AclBindingFilter(*right, AclPermissionType.ALLOW)
    wait_for(lambda: admin.describe_acls(granted).result(60), "the broker knows of the right")


def test_files_that_are_no_certificates(secured: Secured) -> None:
    """A PEM file with other content is a settings mistake that names setting and file."""
    settings = secured.settings("TLS", ssl_ca=secured.file("nonsense.pem", "nonsense"))
    with pytest.raises(SettingsError, match=r"ssl_ca = .*nonsense\.pem"):
        faust_credentials(settings)
    settings = secured.settings("TLS", ssl_cert=secured.file("client.pem"), ssl_key=secured.file("nonsense.pem"))
    with pytest.raises(SettingsError, match=r"ssl_key = .*nonsense\.pem"):
        faust_credentials(settings)
