"""Makes Faust's Kafka clients wait for a broker when they start.

The checks before the start have reached a broker, but it may have gone since. The rules:

* aiokafka tries each address once and then gives up, and Faust stops. Here it tries again until a broker answers.
* The leader of the group assigns the partitions of the topics that its client knows. If its client does not know a
  topic yet, the leader leaves that topic out, and every worker would be ready and idle until the next refresh of the
  topics. So the leader asks for the topics that are missing. After a few attempts it leaves out a topic that does not
  exist.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
import tenacity
from aiokafka.errors import KafkaConnectionError

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0
# How often the leader asks for a missing topic. In total this takes less than the shortest session, after which the
# group would go on without this leader.
ASKED = 5
ASK_AGAIN_SECONDS = 0.2


def wait_for_broker(client: Any) -> None:
    """Make an aiokafka client try until a broker answers when it starts.

    Args:
        client: an ``AIOKafkaClient``, such as a producer's or a consumer's.
    """
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(KafkaConnectionError),
        wait=tenacity.wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        before_sleep=_waiting,
    )
    client.bootstrap = retrying.wraps(client.bootstrap)


def learn_topics_before_assigning(consumer: Any) -> None:
    """Make a started ``AIOKafkaConsumer`` that leads its group ask for topics that it does not know yet."""
    client, coordinator = consumer._client, consumer._coordinator  # noqa: SLF001  aiokafka has no hook here
    assign = coordinator._perform_assignment  # noqa: SLF001

    async def assign_what_is_there(response: Any) -> Any:
        for _ in range(ASKED):
            if all(client.cluster.partitions_for_topic(topic) for topic in consumer.subscription()):
                break
            await client.force_metadata_update()
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        return await assign(response)

    coordinator._perform_assignment = assign_what_is_there  # noqa: SLF001


def _waiting(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning(
        "broker.unreachable", error=str(error), attempt=state.attempt_number, consequence="the worker keeps trying"
    )
