"""Sorts any number of sightings, or of other values, in bounded memory.

The order of evaluation is by time, then event id, then the record's canonical bytes (M9). The sightings of one record
go by rule id and combination; the worker sees them in that order too. Sightings that are still
equal differ only in ``teaching``, which comes first, and in their position in Kafka. Values that do not fit in memory
are sorted in runs on disk, which are merged while they are read.
"""

from __future__ import annotations

import heapq
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from streams.backtest.results.json_lines import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streams.extraction.sighting import Sighting

_Value = TypeVar("_Value")

RUN_BYTES = 64 * 1024 * 1024
"""How many bytes are held before a run is written; as Python objects they take twice that."""

FAN_IN = 64
"""How many runs are merged at once; each is an open file with a buffer."""

_OVERHEAD = 2_048  # about what a value takes in addition to its text


def order_key(
    sighting: Sighting, clock: Literal["event", "record"]
) -> tuple[int, str, str, str, int, bool, str, int, int]:
    """The sort key of a sighting; its time is that of the clock (M4)."""
    origin = sighting.origin
    position = ("", 0, 0) if origin is None else (origin.topic, origin.partition, origin.offset)
    return (
        sighting.time_by(clock),
        sighting.event.id,
        sighting.record,
        sighting.rule_id,
        sighting.combination,
        not sighting.teaching,
        *position,
    )


def record_size(sighting: Sighting) -> int:
    """How long the record of a sighting is."""
    return len(sighting.record)


class Sorter(Generic[_Value]):
    """Takes values in any order and returns them sorted. As a context it removes its runs."""

    def __init__(
        self,
        key: Callable[[_Value], tuple[Any, ...]],
        run_bytes: int = RUN_BYTES,
        *,
        size: Callable[[_Value], int] | None = None,
    ) -> None:
        """Sort by ``key``, and hold about ``run_bytes`` in memory; ``size`` tells how long the text of a value is."""
        self._key = key
        self._run_bytes = run_bytes
        self._size_of = size
        self._held: list[_Value] = []
        self._size = 0
        self._runs: list[Path] = []
        self._written = 0
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, values: Iterable[_Value]) -> None:
        """Take values.

        Raises:
            OutputError: the folder for temporary files is full or cannot be written.
        """
        for value in values:
            self._held.append(value)
            self._size += _OVERHEAD + (0 if self._size_of is None else self._size_of(value))
            if self._size > self._run_bytes:
                self._held.sort(key=self._key)
                self._runs.append(self._write(self._held))
                self._held, self._size = [], 0
        if len(self._runs) >= FAN_IN:
            self._runs = [self._merge(self._runs)]

    def sorted(self) -> Iterator[_Value]:
        """All values in order; none may be added afterwards."""
        self._held.sort(key=self._key)
        return heapq.merge(*(_read(run) for run in self._runs), self._held, key=self._key)

    def _merge(self, runs: list[Path]) -> Path:
        merged = self._write(heapq.merge(*(_read(run) for run in runs), key=self._key))
        for run in runs:
            run.unlink()
        return merged

    def _write(self, values: Iterable[_Value]) -> Path:
        with writing(f"temporary files in {gettempdir()} (TMPDIR chooses another folder)"):
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="rootwatch-backtest-")
            path = Path(self._folder.name, str(self._written))
            self._written += 1
            with path.open("wb") as run:
                for value in values:
                    pickle.dump(value, run, pickle.HIGHEST_PROTOCOL)
        return path


def _read(run: Path) -> Iterator[Any]:
    with run.open("rb") as stored:
        while True:
            try:
                yield pickle.load(stored)  # noqa: S301  this process wrote it, into a folder of its own
            except EOFError:
                return
