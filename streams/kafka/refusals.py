"""Which of librdkafka's errors are refusals, which stay until somebody acts, and what an operator must know of them.

The rules:

* With TLS 1.3 a broker rejects the client's certificate only after the handshake. librdkafka reports a lost connection;
  only OpenSSL's "tls alert" in its text tells the two apart.
* If a broker's certificate is not valid, librdkafka does not say why. A handshake of our own finds out whether it has
  expired, is signed by an unknown authority or belongs to another host.
"""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from streams.kafka.security import ssl_context
from streams.settings import SettingsError

if TYPE_CHECKING:
    from streams.settings import Settings

_REFUSALS = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001  librdkafka's own codes start so
    KafkaError._SSL,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}
# Such as `ssl://127.0.0.1:9093/bootstrap: `; the thread may stand before it.
_PREFIX = re.compile(r"^(\[thrd:[^\]]*\]: )?(?:\w+://)?(?P<server>\S+)/(bootstrap|\d+): ")
_TLS_ALERT = re.compile(r"tls alert ([a-z ]+)")
_HANDSHAKE_SECONDS = 5.0


def is_refusal(error: KafkaError) -> bool:
    """Whether a broker refuses the credentials, the certificate or a right, or its own certificate is not valid."""
    return error.code() in _REFUSALS or "tls alert" in error.str()


def is_of_a_group(error: KafkaError) -> bool:
    """Whether an error concerns the group only, and can be ignored if no group is joined.

    librdkafka (2.16) looks for the coordinator of its ``group.id`` in the background even then. It reports a refusal
    once, as an error of partition 0 without a topic.
    """
    return bool(error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED)


def error_text(error: KafkaError) -> str:
    """The text of an error, without librdkafka's prefix (thread and broker) and its count of milliseconds."""
    return _PREFIX.sub("", str(error.str())).split(" (after ")[0].rstrip(".")


def explain_refusal(error: KafkaError, settings: Settings) -> str:
    """The text of a refusal. For a certificate it says why it is not valid, and which setting to check."""
    text = str(error.str())
    if alert := _TLS_ALERT.search(text):
        if settings.ssl_cert is None:
            return f"the broker asks for a client's certificate ({alert[1].strip()}); set ssl_cert and ssl_key"
        return f"the broker refuses the certificate in ssl_cert = {settings.ssl_cert} ({alert[1].strip()})"
    if "certificate verify failed" in text:
        server = _PREFIX.match(text)
        reason = _unverified(server["server"], settings) if server else None
        trusted = f"ssl_ca = {settings.ssl_ca}" if settings.ssl_ca else "the system's authorities, as ssl_ca is not set"
        return f"the broker's certificate is not valid: {reason or 'unknown why'}; checked against {trusted}"
    return error_text(error)


def _unverified(server: str, settings: Settings) -> str | None:
    """Why a server's certificate is not valid, in OpenSSL's words; None if it is valid or no server answers."""
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        context = ssl_context(settings)
        with (
            socket.create_connection((host, int(port)), timeout=_HANDSHAKE_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as refusal:
        return refusal.verify_message.rstrip(".")
    except (OSError, ValueError, SettingsError):
        return None
