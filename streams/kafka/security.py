"""The one place that turns settings into both Kafka clients' options: confluent-kafka's, and through Faust aiokafka's.

* Certificates are checked against ``ssl_ca`` (the system's authorities if none), host names always.
* ``OAUTHBEARER`` sends the token that ``sasl_password_file`` holds, read again at each renewal, so whatever keeps the
  file fresh (a kubelet's projected service account token, a sidecar) needs no restart of ours.
* ``AWS_MSK_IAM`` is OAUTHBEARER on the wire, with a signed URL as the token; the extra ``msk`` brings the signer.

The client libraries are imported where they are used: the command line must start without them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
import ssl
import time
from typing import TYPE_CHECKING, Any

from streams.errors import OperatorError
from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from faust.auth import Credentials

    from streams.settings import Settings


# For how long a token counts that does not say so itself: librdkafka asks again after 80 % of it.
_OPAQUE_TOKEN_SECONDS = 300
# Between two looks for a token that is not there yet: aiokafka itself would look ten times a second.
_NO_TOKEN_SECONDS = 1.0
_MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:")


class CredentialsError(OperatorError):
    """What the credentials are to come from does not give any; the message says what is missing."""


def confluent_options(settings: Settings) -> dict[str, Any]:
    """Options for every confluent-kafka client: where the brokers are, how to be let in, no new topics.

    Raises:
        SettingsError: a certificate's or secret's file is of no use, a token has expired, or the extra ``msk`` is
            missing.
        CredentialsError: there are no AWS credentials to sign a token with.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": "rootwatch",
        "security.protocol": settings.security_protocol,
        # Asking for a missing topic may not create it (see streams/worker/consumer/missing_topics.py). librdkafka lists
        # this for consumers only, which create none anyway; admin clients and producers do without it.
        "allow.auto.create.topics": False,
    }
    if "SSL" in settings.security_protocol:
        ssl_context(settings)  # says which file is of no use; librdkafka would name none of our settings
        files = {
            "ssl.ca.location": settings.ssl_ca,
            "ssl.certificate.location": settings.ssl_cert,
            "ssl.key.location": settings.ssl_key,
        }
        options |= {name: str(path) for name, path in files.items() if path is not None}
    match settings.sasl_mechanism:
        case None:
            pass
        case "OAUTHBEARER" | "AWS_MSK_IAM":
            token = _token_source(settings)
            options |= {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": lambda _config: token()}
        case mechanism:
            options |= {
                "sasl.mechanism": mechanism,
                "sasl.username": settings.sasl_username,
                "sasl.password": settings.sasl_password(),
            }
    return options


def producer_options(settings: Settings) -> dict[str, Any]:
    """Options for every confluent-kafka producer: nothing lost or reordered, and keys where Faust puts them.

    librdkafka's own partitioner (CRC32) would send most principals to other partitions than Faust's murmur2 does.

    Raises:
        SettingsError: as ``confluent_options``.
    """
    return confluent_options(settings) | {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "zstd",
        "message.max.bytes": settings.max_record_size,
    }


def faust_credentials(settings: Settings) -> Credentials | None:
    """What Faust's ``broker_credentials`` takes; None for an open broker.

    Raises:
        SettingsError, CredentialsError: as ``confluent_options``.
    """
    from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials  # noqa: PLC0415  see the module's text

    context = ssl_context(settings) if "SSL" in settings.security_protocol else None
    match settings.sasl_mechanism:
        case None:
            return None if context is None else SSLCredentials(context)
        case "OAUTHBEARER" | "AWS_MSK_IAM":
            return OAuthCredentials(oauth_cb=_token_provider(_token_source(settings)), ssl_context=context)
        case mechanism:
            return SASLCredentials(
                mechanism=mechanism,
                username=settings.sasl_username,
                password=settings.sasl_password(),
                ssl_context=context,
            )


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """A TLS client's context with the authorities to trust and, if set, the client's own certificate.

    Raises:
        SettingsError: a file cannot be read, or certificate and key do not belong together.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ssl_ca = {settings.ssl_ca}: no PEM file of certificates: {error}") from error
    if settings.ssl_cert is not None and settings.ssl_key is not None:
        try:
            # An encrypted key would have OpenSSL ask for its password at the terminal.
            context.load_cert_chain(settings.ssl_cert, settings.ssl_key, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"ssl_cert = {settings.ssl_cert}, ssl_key = {settings.ssl_key}: "
                f"no PEM files of a certificate and its key without a password: {error}"
            ) from error
    return context


def _token_source(settings: Settings) -> Callable[[], tuple[str, float]]:
    """Gives a token and when it expires (seconds since the epoch) at each call."""
    if settings.sasl_mechanism == "AWS_MSK_IAM":
        return _msk_token_source(settings)

    def from_file() -> tuple[str, float]:
        token = settings.sasl_password()
        expiry = _expiry(token)
        if expiry <= time.time():
            raise SettingsError(f"sasl_password_file = {settings.sasl_password_file}: the token in it has expired")
        return token, expiry

    from_file()  # a missing or old token is better found now than at the first connection
    return from_file


def _expiry(token: str) -> float:
    """When a JSON web token says that it expires; soon for any other token."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return time.time() + _OPAQUE_TOKEN_SECONDS


def _msk_token_source(settings: Settings) -> Callable[[], tuple[str, float]]:
    try:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # noqa: PLC0415  an optional extra
    except ImportError as error:
        raise SettingsError(
            "sasl_mechanism = 'AWS_MSK_IAM': needs the extra `msk`: pip install 'rootwatch[msk]'"
        ) from error
    region = _msk_region(settings)

    def signed() -> tuple[str, float]:
        try:
            token, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        except Exception as error:  # of botocore's many
            raise CredentialsError(
                f"sasl_mechanism = 'AWS_MSK_IAM': no token can be signed ({error}); it takes AWS credentials from the "
                "environment, a profile or a role"
            ) from error
        return token, expires_ms / 1000

    signed()  # the clients would only say that they have waited ten seconds for a token
    return signed


def _msk_region(settings: Settings) -> str:
    """The brokers' AWS region: part of their names, and behind other names that of the environment."""
    for server in settings.bootstrap_servers:
        if match := _MSK_HOST.search(server):
            return match[1]
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return region
    raise SettingsError("sasl_mechanism = 'AWS_MSK_IAM': set AWS_REGION, as bootstrap_servers do not name a region")


def _token_provider(token: Callable[[], tuple[str, float]]) -> Any:
    from aiokafka.abc import AbstractTokenProvider  # noqa: PLC0415  see the module's text
    from aiokafka.errors import KafkaConnectionError  # noqa: PLC0415

    class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
        async def token(self) -> str:
            try:
                # Signing and reading may wait for a disk or for AWS: not in the event loop.
                return (await asyncio.to_thread(token))[0]
            except OperatorError as missing:
                # To aiokafka a connection that failed, which it tries again: who renews the token may be late.
                await asyncio.sleep(_NO_TOKEN_SECONDS)
                raise KafkaConnectionError(str(missing)) from missing

    return TokenProvider()
