"""``python -m streams.commands.feed``: publishes the demo's samples to the source topic, to try out a deployment.

The samples of the days before only teach if ``learn_until`` is ``2025-06-10``, as in docker-compose.yml.
"""

from __future__ import annotations

from typing import Annotated

import typer

from streams import settings
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.demo.publish import publish
from streams.errors import OperatorError


def feed(
    *,
    pause: Annotated[
        float, typer.Option("--pause", metavar="SECONDS", help="How long to wait after each message.")
    ] = 0.0,
    config: Config = None,
) -> None:
    """Publish the demo's samples to the first of source_topics, and end.

    Their Kafka timestamp is the present: a topic's retention would delete records of 2025.
    """
    configured = settings.load(config)
    topic = configured.source_topics[0]
    count = publish(configured, topic, pause)
    typer.echo(f"published {count} messages to {topic}", err=True)


if __name__ == "__main__":
    try:
        typer.run(feed)
    except OperatorError as error:
        raise SystemExit(f"feed: {error}") from error
