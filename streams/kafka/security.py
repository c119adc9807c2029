"""The options of both Kafka clients, from the settings: confluent-kafka's, and aiokafka's by way of Faust.

* Certificates are checked against ``ssl_ca``, or the system's authorities if it is not set. Host names are always
  checked.
* ``OAUTHBEARER`` sends the token in ``sasl_password_file``. The file is read again at each renewal, so a new token
  (from a kubelet's projected service account, or a sidecar) needs no restart.
* ``AWS_MSK_IAM`` is OAUTHBEARER on the wire, with a signed URL as the token. The extra ``msk`` installs the signer.

The client libraries are imported where they are used, because the command line must start without them.
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

    from aiokafka.abc import AbstractTokenProvider
    from faust.auth import Credentials

    from streams.settings import Settings


# How long a token counts as valid if it does not name its expiry; librdkafka asks again after 80 % of that.
_OPAQUE_TOKEN_SECONDS = 300
# The pause between two looks for a missing token; aiokafka itself would look ten times per second.
_NO_TOKEN_SECONDS = 1.0
_MSK_HOST = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?:")


class CredentialsError(OperatorError):
    """The source of the credentials gives none; the message says what is missing."""


def confluent_options(settings: Settings) -> dict[str, Any]:
    """Options for every confluent-kafka client: brokers, security, no creation of topics.

    Raises:
        SettingsError: the file of a certificate or a secret is unusable, a token has expired, or the extra ``msk`` is
            missing.
        CredentialsError: there are no AWS credentials to sign a token with.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": "rootwatch",
        "security.protocol": settings.security_protocol,
        # A request about a missing topic must not create it (see streams/worker/consumer/missing_topics.py). librdkafka
        # documents this option for consumers only, which create no topics anyway. Admin clients and producers would.
        "allow.auto.create.topics": False,
    }
    if "SSL" in settings.security_protocol:
        ssl_context(settings)  # names the unusable file and its setting; librdkafka would not
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
    """Options for every confluent-kafka producer: nothing is lost or reordered, and keys are partitioned as by Faust.

    librdkafka's default partitioner (CRC32) would send most principals to other partitions than Faust's murmur2 does.

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
    """The value for Faust's ``broker_credentials``; None if the broker asks for none.

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
    """A TLS context with the trusted authorities and, if set, the client's own certificate.

    Raises:
        SettingsError: a file cannot be read, or the key does not belong to the certificate.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ssl_ca = {settings.ssl_ca}: no PEM file of certificates: {error}") from error
    if settings.ssl_cert is not None and settings.ssl_key is not None:
        try:
            # For an encrypted key OpenSSL would ask for the password at the terminal.
            context.load_cert_chain(settings.ssl_cert, settings.ssl_key, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"ssl_cert = {settings.ssl_cert}, ssl_key = {settings.ssl_key}: "
                f"no PEM files of a certificate and its key without a password: {error}"
            ) from error
    return context


def _token_source(settings: Settings) -> Callable[[], tuple[str, float]]:
    """A function that returns a token and its expiry (seconds since the epoch)."""
    if settings.sasl_mechanism == "AWS_MSK_IAM":
        return _msk_token_source(settings)

    def from_file() -> tuple[str, float]:
        token = settings.sasl_password()
        expiry = _expiry(token)
        if expiry <= time.time():
            raise SettingsError(f"sasl_password_file = {settings.sasl_password_file}: the token in it has expired")
        return token, expiry

    from_file()  # finds a missing or old token now, not at the first connection
    return from_file


def _expiry(token: str) -> float:
    """The expiry that a JSON web token names; for any other token, a time soon from now."""
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
        except Exception as error:  # botocore's errors have no common base
            raise CredentialsError(
                f"sasl_mechanism = 'AWS_MSK_IAM': no token can be signed ({error}); it takes AWS credentials from the "
                "environment, a profile or a role"
            ) from error
        return token, expires_ms / 1000

    signed()  # without this, the clients would only say that they waited ten seconds for a token
    return signed


def _msk_region(settings: Settings) -> str:
    """The AWS region of the brokers: from their names, else from the environment."""
    for server in settings.bootstrap_servers:
        if match := _MSK_HOST.search(server):
            return match[1]
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return region
    raise SettingsError("sasl_mechanism = 'AWS_MSK_IAM': set AWS_REGION, as bootstrap_servers do not name a region")


def _token_provider(token: Callable[[], tuple[str, float]]) -> AbstractTokenProvider:
    from aiokafka.abc import AbstractTokenProvider as Base  # noqa: PLC0415  see the module's text
    from aiokafka.errors import KafkaConnectionError  # noqa: PLC0415

    class TokenProvider(Base):  # type: ignore[misc]
        async def token(self) -> str:
            try:
                # Signing may wait for AWS, and reading for the disk, so both run outside the event loop.
                return (await asyncio.to_thread(token))[0]
            except OperatorError as missing:
                # aiokafka tries a failed connection again. The renewal of the token may only be late.
                await asyncio.sleep(_NO_TOKEN_SECONDS)
                raise KafkaConnectionError(str(missing)) from missing

    return TokenProvider()
