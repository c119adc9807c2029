"""How Faust's Kafka clients begin while no broker answers: they wait for one.

The checks before have met a broker, but it may have gone since. aiokafka tries each address once and gives up, and
Faust with it.
"""

from __future__ import annotations

from typing import Any

import structlog
import tenacity
from aiokafka.errors import KafkaConnectionError

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0


def wait_for_broker(client: Any) -> None:
    """Have an aiokafka client try until a broker answers when it is started.

    Args:
        client: an ``AIOKafkaClient``, such as a producer's or a consumer's.
    """
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(KafkaConnectionError),
        wait=tenacity.wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        before_sleep=_waiting,
    )
    client.bootstrap = retrying.wraps(client.bootstrap)


def _waiting(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("broker.unreachable", error=str(error), attempt=state.attempt_number, consequence="keeps trying")
