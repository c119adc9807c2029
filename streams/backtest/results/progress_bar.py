"""The progress bar on stderr (done, speed, time left), and the counter of a listing, whose end is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.run import Input
    from streams.extraction.sighting import Sighting

_Found = TypeVar("_Found")

_STEP = 500
"""The bar moves on after this many."""


class ProgressBar:
    """A bar for the reading of an input, and then for the handling of its sightings; shown while it is a context.

    With ``only_reading`` it goes away before the handling.
    """

    def __init__(self, source: Input, *, only_reading: bool = False) -> None:
        self._only_reading = only_reading
        self._in_bytes = source.unit == "bytes"
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _ByUnit(DownloadColumn(), MofNCompleteColumn()),
            _ByUnit(TransferSpeedColumn(), _Rate()),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("reading", total=source.total, in_bytes=self._in_bytes)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, stats: ReadStats) -> None:
        """Move on by the counts of one chunk."""
        self._bar.advance(self._task, stats.size if self._in_bytes else stats.messages)

    def handle(self, what: str, sightings: Iterable[Sighting], total: int) -> Iterator[Sighting]:
        """Yield the sightings and advance a bar with the label ``what`` and the length ``total``."""
        self._bar.update(self._task, visible=False)
        if self._only_reading:
            self._bar.stop()
        task = self._bar.add_task(what, total=total, in_bytes=False)
        for number, sighting in enumerate(sightings, 1):
            yield sighting
            if number % _STEP == 0:
                self._bar.update(task, completed=number)


class Count:
    """A counter with its speed, for a total that is not known; shown while it is a context."""

    def __init__(self, what: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}"),
            _Rate(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=None)
        self._counted = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def watch(self, found: Iterable[_Found]) -> Iterator[_Found]:
        """Pass on what is found, and count it."""
        for one in found:
            yield one
            self._counted += 1
            if self._counted % _STEP == 0:
                self._bar.update(self._task, completed=self._counted)


class _ByUnit(ProgressColumn):
    """One column for inputs in bytes, and another for inputs in records."""

    def __init__(self, of_bytes: ProgressColumn, of_numbers: ProgressColumn) -> None:
        super().__init__()
        self._of_bytes = of_bytes
        self._of_numbers = of_numbers

    def render(self, task: Task) -> RenderableType:
        return (self._of_bytes if task.fields["in_bytes"] else self._of_numbers).render(task)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")
