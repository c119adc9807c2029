"""Shows how far listing and reading have come, if stderr is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.run import Input, Progress
    from streams.backtest.sources.archive import Watch
    from streams.extraction.sighting import Sighting


@contextmanager
def shown(source: Input, *, prints_alerts: bool = False) -> Iterator[Progress]:
    """Show a progress bar on stderr while the context lasts, if stderr is a terminal.

    Args:
        source: what is read.
        prints_alerts: alerts go to stdout as they are decided. If that is a terminal too, the bar makes room for them.
    """
    if not sys.stderr.isatty():
        yield _NoProgress()
        return
    from streams.backtest.results.progress_bar import ProgressBar  # noqa: PLC0415  slow to import, and often there is no terminal

    with ProgressBar(source, only_reading=prints_alerts and sys.stdout.isatty()) as bar:
        yield bar


@contextmanager
def listing() -> Iterator[Watch]:
    """Count on stderr what passes through while the context lasts, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield iter
        return
    from streams.backtest.results.progress_bar import Count  # noqa: PLC0415  as above

    with Count("listing") as count:
        yield count.watch


class _NoProgress:
    def advance(self, stats: ReadStats) -> None:
        """Show nothing."""

    def handle(self, _what: str, sightings: Iterable[Sighting], _total: int) -> Iterator[Sighting]:
        """The same sightings."""
        return iter(sightings)
