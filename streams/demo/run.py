"""The demo's course: the real worker on the embedded broker, first the days before, then the morning."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import Counter

    from streams.demo.broker import EmbeddedBroker
    from streams.demo.story import Message
    from streams.worker.app import WorkerApp

_SECONDS = 60.0
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """What the worker's own metrics say at the end.

    Attributes:
        messages: fetched.
        skipped: of these, dropped at fetch.
        decided: sightings, by outcome.
        dead_letters: by reason.
    """

    messages: int
    skipped: int
    decided: dict[str, int]
    dead_letters: dict[str, int]


async def run(
    app: WorkerApp,
    worker: Any,
    broker: EmbeddedBroker,
    parts: Sequence[tuple[str, Sequence[Message]]],
    say: Callable[[str], None],
) -> Counts:
    """Start the worker, give it one part after the other, each when it has committed the one before, and stop it.

    Args:
        app: the worker's app.
        worker: the service that runs it, and that leaves signals alone.
        broker: has the app's topics.
        parts: what to say of a part, and its messages.
        say: tells a person.

    Raises:
        OperatorError: the worker failed or did not finish within a minute.
        CancelledError: SIGTERM came.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a coroutine that runs has one
    # Like Ctrl-C, which cancels this coroutine; whoever runs us in the background may have us ignore SIGINT itself.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    working = asyncio.create_task(worker.start())
    try:
        async with asyncio.timeout(_SECONDS):
            for words, messages in parts:
                say(words)
                broker.produce(app.options.source_topics[0], messages)
                await _until_done(app, broker)
    except asyncio.CancelledError:
        logging.disable(logging.CRITICAL)  # services that are cut short as they start complain of one another
        raise
    except TimeoutError:
        raise OperatorError(f"the worker did not finish within {_SECONDS:.0f} s; --verbose shows its log") from None
    finally:
        await worker.stop()
        await working
    return _counts(app)


async def _until_done(app: WorkerApp, broker: EmbeddedBroker) -> None:
    """Wait until both agents have committed everything; what is committed is done (A2)."""
    group, source, sightings = app.options.group_id, app.options.source_topics, app.topic_names.sightings
    # The source first: only when it is done can no more sightings come.
    for topics in (source, (sightings,)):
        while not (app.ready and await asyncio.to_thread(broker.all_committed, group, topics)):
            if app.failure is not None:
                raise OperatorError(f"the worker failed: {app.failure!r}; --verbose shows its log")
            await asyncio.sleep(_TICK_SECONDS)


def _counts(app: WorkerApp) -> Counts:
    metrics = app.metrics
    return Counts(
        messages=sum(_by_label(metrics.messages).values()),
        skipped=sum(_by_label(metrics.skipped).values()),
        decided=_by_label(metrics.decided),
        dead_letters=_by_label(metrics.dead_letters),
    )


def _by_label(counter: Counter) -> dict[str, int]:
    """A counter's values by its one label."""
    (family,) = counter.collect()
    return {
        next(iter(sample.labels.values())): int(sample.value)
        for sample in family.samples
        if sample.name.endswith("_total")
    }
