"""``python -m streams.demo.feed``: publishes the demo's samples to the source topic, for a deployment to look at.

The samples of the days before only teach where ``learn_until`` is ``2025-06-10``, as in docker-compose.yml.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from confluent_kafka import Producer

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.demo import story
from streams.errors import OperatorError
from streams.kafka.security import producer_options

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

_ANSWER_SECONDS = 30.0


def feed(
    *,
    pause: Annotated[float, typer.Option("--pause", metavar="SECONDS", help="Wait so long after each message.")] = 0.0,
    config: Config = None,
) -> None:
    """Publish the demo's samples to the first of source_topics, and end.

    They get the present as their Kafka timestamp: a topic's retention would delete what is stamped 2025.
    """
    configured = settings.load(config)
    topic = configured.source_topics[0]
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer(producer_options(configured))
    messages = [*story.days_before(), *story.morning()]
    for message in messages:
        producer.produce(topic, message.value, message.account, on_delivery=delivered)
        producer.poll(0)
        time.sleep(pause)
    left = producer.flush(_ANSWER_SECONDS)
    if failures or left:
        reason = failures[0].str() if failures else f"no answer within {_ANSWER_SECONDS:.0f} s"
        raise OperatorError(f"topic {topic}: {len(failures) + left} of {len(messages)} not acknowledged: {reason}")
    typer.echo(f"published {len(messages)} messages to {topic}", err=True)


if __name__ == "__main__":
    try:
        typer.run(feed)
    except OperatorError as error:
        raise SystemExit(f"feed: {error}") from error
