"""A replay from end to end: read the input in chunks, sort its sightings, decide, and tell the observers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct, field

from streams.backtest.evaluation import Verdicts, evaluate
from streams.backtest.order import Sorter, order_key, record_size
from streams.backtest.reading.process_pool import WorkerLostError, gather
from streams.backtest.reading.read_stats import ReadStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streams.backtest.evaluation import Judging
    from streams.backtest.reading.tasks import Chunk, ReadSettings, Task
    from streams.extraction.sighting import Sighting
    from streams.pipeline import Decision
    from streams.sessions.action import Action


class Input(Struct, frozen=True):
    """What to read.

    Attributes:
        tasks: the parts of the input.
        total: its size in ``unit``, for the progress bar.
        unit: stored ``bytes`` or Kafka ``records``.
        is_small: whether one process is enough.
        failures: (path or partition, error) for what cannot be read at all.
        truncated: the requested offsets that are already deleted, or not yet committed.
        warnings: what a person must know about the input.
    """

    tasks: Sequence[Task]
    total: int
    unit: Literal["bytes", "records"]
    is_small: bool = False
    failures: list[tuple[str, str]] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class ReplaySettings(Struct, frozen=True):
    """The settings of a replay: how to read, how to decide, and how many processes may read."""

    read_settings: ReadSettings
    judging: Judging
    processes: int = 1


class Observer(Protocol):
    """Is told of every decision, in order of time."""

    def on_decision(self, sighting: Sighting, decision: Decision) -> None:
        """Take note of one decision."""


class Progress(Protocol):
    """Is told how far reading has come, and then how many sightings are handled."""

    def advance(self, stats: ReadStats) -> None:
        """Take note of the counts of one more chunk."""

    def handle(self, what: str, sightings: Iterable[Sighting], total: int, /) -> Iterator[Sighting]:
        """Pass on ``total`` sightings and count those that are taken; ``what`` names the work."""


def read(
    source: Input, read_settings: ReadSettings, processes: int, stats: ReadStats, progress: Progress
) -> Iterator[Chunk]:
    """Read the input in chunks and add up the counts. A lost process is a failure in the stats, not an exception."""
    stats.failures.extend(source.failures)
    stats.truncated.extend(source.truncated)
    stats.warnings.extend(source.warnings)
    try:
        for chunk in gather(source.tasks, read_settings, 1 if source.is_small else processes):
            stats.add(chunk.stats)
            progress.advance(chunk.stats)
            yield chunk
    except WorkerLostError as error:
        stats.failures.append(("input", f"{error}; what it had not yet handed over is missing"))


def replay(
    source: Input,
    how: ReplaySettings,
    observers: Sequence[Observer],
    progress: Progress,
    take_actions: Callable[[list[Action]], None] | None = None,
) -> tuple[ReadStats, Verdicts]:
    """Replay the input. The same sightings give the same decisions in the same order, however the input is cut.

    Args:
        source: what to read.
        how: the settings.
        observers: are told of each decision.
        progress: is told how far reading has come.
        take_actions: is given the actions of root, in any order; ``None`` if nobody follows them.

    Raises:
        OutputError: temporary files cannot be written, or an observer cannot write.
    """
    stats, verdicts = ReadStats(), Verdicts(variants=frozenset(how.judging.variants.values()))
    with Sorter(lambda sighting: order_key(sighting, how.judging.clock), size=record_size) as sorter:
        for chunk in read(source, how.read_settings, how.processes, stats, progress):
            sorter.add(chunk.sightings)
            if take_actions is not None:
                take_actions(chunk.actions)
        ordered = progress.handle("deciding", sorter.sorted(), stats.sightings)
        for sighting, decision in evaluate(ordered, how.judging):
            verdicts.count(sighting, decision)
            for observer in observers:
                observer.on_decision(sighting, decision)
    return stats, verdicts
