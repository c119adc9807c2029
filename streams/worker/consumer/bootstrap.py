"""How Faust's Kafka clients begin while no broker answers: they wait for one.

The checks before have met a broker, but it may have gone since. The rules:

* aiokafka tries each address once and gives up, and Faust with it. Here it tries on.
* Whoever leads the group assigns the partitions of the topics that its client knows by then. One that could not ask
  before leaves out all others, and every worker would be ready, with nothing to do, until the topics are looked at
  again. So it asks for those that it misses; a topic that is not there is left out after a few times.
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
# How often a missing topic is asked for: less than the shortest session, after which the group would go on without.
ASKED = 5
ASK_AGAIN_SECONDS = 0.2


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


def know_topics_before_assigning(consumer: Any) -> None:
    """Have a started ``AIOKafkaConsumer``, should it lead its group, ask for topics that it does not know yet."""
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
    log.warning("broker.unreachable", error=str(error), attempt=state.attempt_number, consequence="keeps trying")
