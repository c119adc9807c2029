"""Publishes the demo's samples to a topic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from streams.demo import story
from streams.errors import OperatorError
from streams.kafka.security import producer_options

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from streams.settings import Settings

_ANSWER_SECONDS = 30.0


def publish(settings: Settings, topic: str, pause: float = 0.0) -> int:
    """Publish all samples, in order. Returns their number.

    Their Kafka timestamp is the present: a topic's retention would delete records of 2025.

    Args:
        settings: how to reach the cluster.
        topic: the topic to publish to.
        pause: seconds to wait after each message.

    Raises:
        OperatorError: not all were acknowledged within 30 s.
    """
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer(producer_options(settings))
    messages = [*story.days_before(), *story.morning()]
    for message in messages:
        producer.produce(topic, message.value, message.account, on_delivery=delivered)
        producer.poll(0)
        time.sleep(pause)
    left = producer.flush(_ANSWER_SECONDS)
    if failures or left:
        reason = failures[0].str() if failures else f"no answer within {_ANSWER_SECONDS:.0f} s"
        raise OperatorError(f"topic {topic}: {len(failures) + left} of {len(messages)} not acknowledged: {reason}")
    return len(messages)
