"""The progress bar on stderr: how much, how fast and how long to go; and the count of what has no known end."""

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

_Thing = TypeVar("_Thing")

_STEP = 500
"""After so many things the bar moves on."""


class ProgressBar:
    """A bar for an input, and then for what is done with its sightings; shown while it is a context."""

    def __init__(self, source: Input) -> None:
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
        """Move on by what one chunk counted."""
        self._bar.advance(self._task, stats.size if self._in_bytes else stats.messages)

    def handle(self, what: str, sightings: Iterable[Sighting], total: int) -> Iterator[Sighting]:
        """The sightings, of which there are ``total``; as they are taken, the bar moves on under the name ``what``."""
        self._bar.update(self._task, visible=False)
        task = self._bar.add_task(what, total=total, in_bytes=False)
        for number, sighting in enumerate(sightings, 1):
            yield sighting
            if number % _STEP == 0:
                self._bar.update(task, completed=number)


class Count:
    """How many have come, and how fast, while nobody knows how many there will be; shown while it is a context."""

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

    def watch(self, things: Iterable[_Thing]) -> Iterator[_Thing]:
        """The same things, counted."""
        for thing in things:
            yield thing
            self._counted += 1
            if self._counted % _STEP == 0:
                self._bar.update(self._task, completed=self._counted)


class _ByUnit(ProgressColumn):
    """One column for bytes, and another for what is counted."""

    def __init__(self, of_bytes: ProgressColumn, of_numbers: ProgressColumn) -> None:
        super().__init__()
        self._of_bytes = of_bytes
        self._of_numbers = of_numbers

    def render(self, task: Task) -> RenderableType:
        return (self._of_bytes if task.fields["in_bytes"] else self._of_numbers).render(task)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")
