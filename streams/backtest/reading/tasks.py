"""What sources and the workforce agree on: an input is a list of tasks, and reading a task gives parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.backtest.reading.read_stats import Tally
    from streams.backtest.reading.reader import ReadSettings
    from streams.extraction.sighting import Sighting

PART_BYTES = 4 * 1024 * 1024
"""A part is handed over once the records of its sightings take about this much."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was counted and found in some of the input; parts may come in any order."""

    tally: Tally
    sightings: list[Sighting]


class Task(Protocol):
    """A piece of the input that one process reads. It can be pickled."""

    def read(self, read_settings: ReadSettings) -> Iterator[Part]:
        """Read the piece; what goes wrong with the input is in the tallies, never raised."""
