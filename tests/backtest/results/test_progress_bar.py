"""The progress bar: how much was read, and then how many of the sightings were handled."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from sightings import NOON, sighting

from streams.backtest.reading.read_stats import ReadStats
from streams.backtest.results.progress_bar import Count, ProgressBar
from streams.backtest.run import Input


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The bytes that the terminal received."""
    sent = io.StringIO()
    console = Console(file=sent, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr("streams.backtest.results.progress_bar.Console", lambda **_: console)
    monkeypatch.setattr("streams.backtest.results.progress_bar._STEP", 1)
    return sent


@pytest.mark.parametrize(
    ("unit", "stats", "shown"),
    [
        ("bytes", ReadStats(messages=7, size=3_000_000), "3.0/4.0 MB"),
        ("records", ReadStats(messages=7, size=3_000_000), "7/4000000"),
    ],
)
def test_reading_and_deciding_are_shown(unit: str, stats: ReadStats, shown: str, screen: io.StringIO) -> None:
    """A bar shows what was read in its unit; deciding on many sightings takes long too, and has a bar of its own."""
    source = Input([], 4_000_000, "bytes" if unit == "bytes" else "records")
    sightings = [sighting(NOON + number) for number in range(3)]
    with ProgressBar(source) as bar:
        bar.advance(stats)
        bar._bar.refresh()  # noqa: SLF001  drawn now, and not at some time
        assert list(bar.handle("deciding", sightings, 3)) == sightings
    assert shown in screen.getvalue()
    last = screen.getvalue()[screen.getvalue().rindex("deciding") :]
    assert "3/3" in last


def test_listing_is_counted(screen: io.StringIO) -> None:
    """A listing of a million files takes long too: it shows how many were found, in all paths together."""
    with Count("listing") as count:
        assert [list(count.watch(range(start, start + 600))) for start in (0, 600)] == [
            list(range(600)),
            list(range(600, 1200)),
        ]
    last = screen.getvalue()[screen.getvalue().rindex("listing") :]
    assert "1,200" in last
