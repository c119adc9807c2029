"""Runs the demo: the real worker on the embedded broker; first the days before, then the morning.

It ends once every root session is summed up. A worker waits for twenty minutes before it does that (S9), the demo only
for a second, because nothing can come late.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import Counter

    from streams.demo.broker import EmbeddedBroker
    from streams.demo.story import Message
    from streams.worker.app import WorkerApp

SESSION_GRACE = "1s"
"""The demo's ``session_grace``, the shortest that there is."""

_SECONDS = 60.0
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """The values of the worker's own metrics at the end.

    Attributes:
        messages: fetched messages.
        skipped: messages that were dropped at fetch.
        decided: sightings, by outcome.
        dead_letters: dead letters, by reason.
    """

    messages: int
    skipped: int
    decided: dict[str, int]
    dead_letters: dict[str, int]


class Service(Protocol):
    """What is used of a Faust worker."""

    async def start(self) -> None:
        """Run until it is stopped."""

    async def stop(self) -> None:
        """Stop it."""


async def run(
    app: WorkerApp,
    worker: Service,
    broker: EmbeddedBroker,
    parts: Sequence[tuple[str, Sequence[Message]]],
    say: Callable[[str], None],
) -> Counts:
    """Start the worker, publish each part once the one before is committed, and stop the worker.

    Args:
        app: the worker's app.
        worker: the service that runs the app; it handles no signals.
        broker: the broker, which has the app's topics.
        parts: the description of each part, and its messages.
        say: shows a line to a person.

    Raises:
        OperatorError: the worker failed or did not finish within a minute.
        CancelledError: SIGTERM arrived.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a running coroutine has a task
    # SIGTERM cancels this coroutine, as Ctrl-C does: a shell may let background processes ignore SIGINT.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    working = asyncio.create_task(worker.start())
    try:
        async with asyncio.timeout(_SECONDS):
            for description, messages in parts:
                say(description)
                broker.produce(app.options.source_topics[0], messages)
                await _until_done(app, broker)
            await _until_summed_up(app, broker)
    except asyncio.CancelledError:
        logging.disable(logging.CRITICAL)  # services that are stopped while they start log errors about each other
        raise
    except TimeoutError:
        raise OperatorError(f"the worker did not finish within {_SECONDS:.0f} s; --verbose shows its log") from None
    finally:
        await worker.stop()
        await working
    return _counts(app)


async def _until_done(app: WorkerApp, broker: EmbeddedBroker) -> None:
    """Wait until sight and detect have committed everything; committed records are done (A2)."""
    # The source first: once it is done, no more sightings can come.
    for topics in (app.options.source_topics, (app.topic_names.sightings,)):
        await _until_committed(app, broker, topics)


async def _until_summed_up(app: WorkerApp, broker: EmbeddedBroker) -> None:
    """Wait until the summaries of all sessions are written; nothing may come after what is done."""
    await _until_committed(app, broker, (app.topic_names.sessions,))
    while app.session_indexes.counts(time.time_ns() // 1_000_000).open:
        await _tick(app)
    # What is remembered of a session changes after its summary was acknowledged, and before that is committed.
    await _until_committed(app, broker, (app.topic_names.sessions,))


async def _until_committed(app: WorkerApp, broker: EmbeddedBroker, topics: Sequence[str]) -> None:
    while not (app.ready and await asyncio.to_thread(broker.all_committed, app.options.group_id, topics)):
        await _tick(app)


async def _tick(app: WorkerApp) -> None:
    if app.failure is not None:
        raise OperatorError(f"the worker failed: {app.failure!r}; --verbose shows its log")
    await asyncio.sleep(_TICK_SECONDS)


def _counts(app: WorkerApp) -> Counts:
    metrics = app.metrics
    return Counts(
        messages=sum(_by_label(metrics.messages).values()),
        skipped=sum(_by_label(metrics.skipped).values()),
        decided=_by_label(metrics.decided, "outcome"),
        dead_letters=_by_label(metrics.dead_letters),
    )


def _by_label(counter: Counter, label: str | None = None) -> dict[str, int]:
    """The values of a counter by this label, or by its only one."""
    (family,) = counter.collect()
    totals: dict[str, int] = {}
    for sample in family.samples:
        if sample.name.endswith("_total"):
            value = next(iter(sample.labels.values())) if label is None else sample.labels[label]
            totals[value] = totals.get(value, 0) + int(sample.value)
    return totals
