"""The progress bar on stderr: how much, how fast and how long to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

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
    from streams.backtest.run import Input
    from streams.backtest.tally import Tally


class Bar:
    """A bar for an input, shown while it is a context."""

    def __init__(self, source: Input) -> None:
        self._in_bytes = source.unit == "bytes"
        amount: list[ProgressColumn] = (
            [DownloadColumn(), TransferSpeedColumn()] if self._in_bytes else [MofNCompleteColumn(), _Rate()]
        )
        self._bar = Progress(
            TextColumn("reading"),
            BarColumn(),
            *amount,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=source.total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, tally: Tally) -> None:
        """Move on by what one part counted."""
        self._bar.advance(self._task, tally.size if self._in_bytes else tally.messages)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")
