"""A broker that has just started knows no leaders yet; a worker that asked it then ended instead of asking again."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.settings import Settings
from streams.worker.broker_access import BrokerAccess, BrokerUnreachable


@pytest.mark.parametrize("code", [KafkaError._NOENT, KafkaError.LEADER_NOT_AVAILABLE])  # noqa: SLF001  librdkafka's own
def test_worth_another_try(code: int) -> None:
    """What a cluster says that is still electing leaders is an outage that ends by itself, in its own words."""
    answer: Future[None] = Future()
    answer.set_exception(KafkaException(KafkaError(code, "No leaders found")))
    with (
        BrokerAccess(Settings(bootstrap_servers=("127.0.0.1:9",))) as access,
        pytest.raises(BrokerUnreachable, match="ListOffsets: No leaders found"),
    ):
        access.result("topic rootwatch-memory-changelog", "ListOffsets", answer)
