"""The progress bar: how much was read, and then how many of the sightings were handled."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from sightings import NOON, sighting

from streams.backtest.bar import Bar
from streams.backtest.run import Input
from streams.backtest.tally import Tally


@pytest.mark.parametrize(
    ("unit", "tally", "shown"),
    [
        ("bytes", Tally(messages=7, size=3_000_000), "3.0/4.0 MB"),
        ("records", Tally(messages=7, size=3_000_000), "7/4000000"),
    ],
)
def test_reading_and_deciding_are_shown(unit: str, tally: Tally, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar shows what was read in its unit; deciding on many sightings takes long too, and has a bar of its own."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr("streams.backtest.bar.Console", lambda **_: console)
    monkeypatch.setattr("streams.backtest.bar._STEP", 1)
    source = Input([], 4_000_000, "bytes" if unit == "bytes" else "records")
    sightings = [sighting(NOON + number) for number in range(3)]
    with Bar(source) as bar:
        bar.advance(tally)
        bar._bar.refresh()  # noqa: SLF001  drawn now, and not at some time
        assert list(bar.handle("deciding", sightings, 3)) == sightings
    assert shown in screen.getvalue()
    last = screen.getvalue()[screen.getvalue().rindex("deciding") :]
    assert "3/3" in last
