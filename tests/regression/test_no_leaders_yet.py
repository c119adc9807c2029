"""A worker ended if it asked a broker that had just started and did not know the leaders yet."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.admin import BrokerAccess, BrokerUnreachable
from streams.settings import Settings


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._NOENT,  # noqa: SLF001  librdkafka's own
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    ],
)
def test_worth_another_try(code: int) -> None:
    """The answers of a cluster that is electing leaders are an outage that ends by itself, with its own text."""
    answer: Future[None] = Future()
    answer.set_exception(KafkaException(KafkaError(code, "No leaders found")))
    with (
        BrokerAccess(Settings(bootstrap_servers=("127.0.0.1:9",))) as access,
        pytest.raises(BrokerUnreachable, match="ListOffsets: No leaders found"),
    ):
        access.result("topic rootwatch-memory-changelog", "ListOffsets", answer)
