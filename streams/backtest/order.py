"""Puts sightings in the order of evaluation, whatever their number, in bounded memory.

The order is that of time, then event id, then the record's canonical bytes (M9). The sightings of one record
keep the order in which it names the accounts, which is the order that the worker sees them in. Sightings that still tie
are the same but for what teaches, which comes first, and where in Kafka they were read.
What does not fit in memory is sorted in runs on disk, which are merged while they are read.
"""

from __future__ import annotations

import heapq
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Literal, Self

from streams.backtest.results.json_lines import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streams.extraction.sighting import Sighting

RUN_BYTES = 64 * 1024 * 1024
"""How many bytes of records are held before a run is written; with what Python puts around them, twice that."""

FAN_IN = 64
"""How many runs are merged at once: each is an open file with a buffer."""

_OVERHEAD = 2_048  # what a sighting takes beside its record, about


def order_key(
    sighting: Sighting, clock: Literal["event", "record"]
) -> tuple[int, str, str, int, str, bool, str, int, int]:
    """What sightings are sorted by; the time is that of the clock (M4)."""
    origin = sighting.origin
    place = ("", 0, 0) if origin is None else (origin.topic, origin.partition, origin.offset)
    account = sighting.member_account
    return (
        sighting.time_by(clock),
        sighting.event.id,
        sighting.record,
        _rank(sighting),
        account,
        not sighting.teaching,
        *place,
    )


def _rank(sighting: Sighting) -> int:
    """Which of its record's resources a sighting was taken from (T4); 0 if from none."""
    if sighting.member_account_source != "resources":
        return 0
    accounts = (resource.account_id for resource in sighting.event.resources)
    return next((rank for rank, account in enumerate(accounts) if account == sighting.member_account), 0)


class Sorter:
    """Takes sightings in any order and gives them back sorted. Use it as a context: it cleans up its runs."""

    def __init__(self, key: Callable[[Sighting], tuple[object, ...]], run_bytes: int = RUN_BYTES) -> None:
        """Hold about ``run_bytes`` in memory; ``key`` gives what is sorted by."""
        self._key = key
        self._run_bytes = run_bytes
        self._held: list[Sighting] = []
        self._size = 0
        self._runs: list[Path] = []
        self._written = 0
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Take sightings.

        Raises:
            OutputError: the folder for temporary files is full or cannot be written.
        """
        for sighting in sightings:
            self._held.append(sighting)
            self._size += len(sighting.record) + _OVERHEAD
            if self._size > self._run_bytes:
                self._held.sort(key=self._key)
                self._runs.append(self._write(self._held))
                self._held, self._size = [], 0
        if len(self._runs) >= FAN_IN:
            self._runs = [self._merge(self._runs)]

    def sorted(self) -> Iterator[Sighting]:
        """All that was taken, in order; nothing may be added afterwards."""
        self._held.sort(key=self._key)
        return heapq.merge(*(_read(run) for run in self._runs), self._held, key=self._key)

    def _merge(self, runs: list[Path]) -> Path:
        merged = self._write(heapq.merge(*(_read(run) for run in runs), key=self._key))
        for run in runs:
            run.unlink()
        return merged

    def _write(self, sightings: Iterable[Sighting]) -> Path:
        with writing(f"temporary files in {gettempdir()} (TMPDIR chooses another folder)"):
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="rootwatch-backtest-")
            path = Path(self._folder.name, str(self._written))
            self._written += 1
            with path.open("wb") as run:
                for sighting in sightings:
                    pickle.dump(sighting, run, pickle.HIGHEST_PROTOCOL)
        return path


def _read(run: Path) -> Iterator[Sighting]:
    with run.open("rb") as stored:
        while True:
            try:
                yield pickle.load(stored)  # noqa: S301  written by this very process into a folder of its own
            except EOFError:
                return
