"""An admin client that tells outages from refusals: an outage ends by itself, a refusal stays until somebody acts.

librdkafka reports wrong credentials and failed TLS handshakes only through its error callback. Otherwise it keeps
trying until a request times out. Every wait here watches that callback, so a refusal is known within a second, and the
error says what was refused.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as NotYet
from typing import TYPE_CHECKING, Self, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import OperatorError
from streams.kafka.errors import is_retriable
from streams.kafka.refusals import error_text, explain_refusal, is_refusal
from streams.kafka.security import confluent_options

if TYPE_CHECKING:
    from concurrent.futures import Future

    from streams.settings import Settings

Answer = TypeVar("Answer")

# How long a broker may take to answer. After that a worker tries again, and a command gives up.
ANSWER_SECONDS = 15.0
# How long to wait once every address has refused a connection: enough for a broker that is just starting.
_ALL_DOWN_SECONDS = 3.0
_TICK_SECONDS = 0.1

_OUTAGES = {
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
}
# librdkafka's "no leaders found", its error for a cluster that has just started. It ends by itself.
_NO_LEADERS = KafkaError._NOENT  # noqa: SLF001


class BrokerError(OperatorError):
    """A broker did not do what it was asked to do; the message names the object, the operation and the answer."""


class BrokerUnreachable(BrokerError):  # noqa: N818  named after the state that the caller waits out
    """No broker answers; the same request may succeed later."""


class AccessRefused(BrokerError):  # noqa: N818  as above
    """A broker refuses the credentials, the certificate or a right."""


class BrokerAccess:
    """An admin client for a few requests; a context manager.

    Raises:
        AccessRefused: there is no token for OAUTHBEARER or AWS_MSK_IAM.
    """

    def __init__(self, settings: Settings, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        self._servers = ",".join(settings.bootstrap_servers)
        self._answer_seconds = answer_seconds
        self._refusal: KafkaError | None = None
        self._outage: KafkaError | None = None
        self._all_down = False
        # The exceptions say what librdkafka would log, and say it once instead of several times per second.
        quiet = logging.getLogger(f"{__name__}.librdkafka")
        quiet.disabled = True
        options = confluent_options(settings) | {"error_cb": self._note, "reconnect.backoff.max.ms": 1000}
        try:
            self.client = AdminClient(options, logger=quiet)
        except KafkaException as error:  # librdkafka has waited ten seconds for a token
            raise AccessRefused(f"{self._servers}: no token to send: {error_text(error.args[0])}") from error

    def __enter__(self) -> Self:
        """Nothing is connected before the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the client; it closes its connections."""
        del self.client

    def result(self, what: str, operation: str, future: Future[Answer]) -> Answer:
        """Wait for the answer to a request.

        Args:
            what: what the request is about, such as ``topic rootwatch.alerts``.
            operation: Kafka's name of the operation, such as ``Describe``.
            future: the client's future for the request.

        Raises:
            BrokerUnreachable: no answer.
            AccessRefused: the request, or the connection itself, is refused.
            BrokerError: any other error; its ``__cause__`` is the client's exception.
        """
        start = time.monotonic()
        while self._refusal is None and time.monotonic() - start < self._patience():
            self.client.poll(0)  # serves the error callback
            try:
                return future.result(_TICK_SECONDS)
            except NotYet:
                continue
            except KafkaException as error:
                raise self._error(what, operation, error) from error
        if self._refusal is not None:
            raise AccessRefused(
                f"{what}: {operation}: {self._servers}: {explain_refusal(self._refusal, self._settings)}"
            )
        raise BrokerUnreachable(f"{what}: {operation}: {self._unreachable()}")

    def _patience(self) -> float:
        return min(self._answer_seconds, _ALL_DOWN_SECONDS) if self._all_down else self._answer_seconds

    def _error(self, what: str, operation: str, exception: KafkaException) -> BrokerError:
        error = exception.args[0]
        self.client.poll(0)
        if is_refusal(error):
            return AccessRefused(f"{what}: {operation}: {error_text(error)}")
        if self._refusal is not None:
            return AccessRefused(
                f"{what}: {operation}: {self._servers}: {explain_refusal(self._refusal, self._settings)}"
            )
        if error.code() in _OUTAGES:
            return BrokerUnreachable(f"{what}: {operation}: {self._unreachable()}")
        if error.code() == _NO_LEADERS or is_retriable(error):
            return BrokerUnreachable(f"{what}: {operation}: {error_text(error)}")
        return BrokerError(f"{what}: {operation}: {error_text(error)}")

    def _unreachable(self) -> str:
        if self._outage:
            reason = f" ({error_text(self._outage)})"
        elif self._all_down:  # librdkafka gives no reason: the broker accepted the connection and closed it
            protocol = self._settings.security_protocol
            return f"{self._servers} closed the connection; is security_protocol = {protocol} right?"
        else:
            reason = ""
        return f"no broker of {self._servers} answers{reason}"

    def _note(self, error: KafkaError) -> None:
        """Take note of an error that librdkafka reports about its connections."""
        if is_refusal(error):
            self._refusal = self._refusal or error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._all_down = True  # its text says less than that of the failure before it
        else:
            self._outage = error


def check_topic(settings: Settings, topic: str) -> None:
    """Raise BrokerError if the topic cannot be described. An admin client knows of an outage within seconds."""
    with BrokerAccess(settings) as access:
        (future,) = access.client.describe_topics(TopicCollection([topic])).values()
        access.result(f"topic {topic}", "Describe", future)
