"""What sources and the process pool agree on: an input is a list of tasks, and reading a task gives chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.backtest.reading.read_stats import ReadStats
    from streams.backtest.reading.reader import ReadSettings
    from streams.extraction.sighting import Sighting

CHUNK_BYTES = 4 * 1024 * 1024
"""A chunk is handed over once the records of its sightings take about this much."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was counted and found in some of the input; chunks may come in any order."""

    stats: ReadStats
    sightings: list[Sighting]


class Task(Protocol):
    """A piece of the input that one process reads. It can be pickled."""

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the piece; what goes wrong with the input is in the stats, never raised."""
