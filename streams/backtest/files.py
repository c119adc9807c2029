"""Files as a source: groups of them are the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from streams.backtest import messages
from streams.backtest.archive import Found, words
from streams.backtest.messages import CannotReadError
from streams.backtest.parts import Part
from streams.backtest.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.backtest.reader import Reading

TASK_BYTES = 4 * 1024 * 1024
TASK_FILES = 64

SMALL_INPUT = 8 * 1024 * 1024
"""Up to this many stored bytes an input is read by one process, and thoroughly: starting more costs more."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """Some files, read one after the other."""

    files: tuple[Found, ...]

    def read(self, reading: Reading) -> Iterator[Part]:
        """Read the files; one that cannot be read is named in the tally's failures, and the next one follows."""
        reader = Reader(reading)
        for found in self.files:
            try:
                with open_stored(found.path) as stored:
                    for _ in _read(found, stored, reader, reading.taking.max_message_size):
                        yield Part(*reader.take())
            except CannotReadError as error:
                reader.tally.failures.append((found.path, str(error)))
            except OSError as error:
                reader.tally.failures.append((found.path, words(error)))
            if reader.is_full:
                yield Part(*reader.take())
        yield Part(*reader.take())


def open_stored(path: str) -> BinaryIO:
    """The stored bytes of a file.

    Raises:
        OSError: it cannot be opened.
    """
    return open(path, "rb", buffering=0)  # noqa: PTH123  a path object costs as much as the read


def _read(found: Found, stored: BinaryIO, reader: Reader, bound: int) -> Iterator[None]:
    """Read one file into the reader; pauses wherever what has gathered is enough for a part."""
    if not messages.holds_lines(found.path):
        reader.file(messages.pieces(stored), found.path)
        reader.tally.size += found.size
        return
    number, counted = 1, 0
    for block in messages.blocks(stored, bound):
        number = reader.lines(block, found.path, number)
        reader.tally.size += stored.tell() - counted
        counted = stored.tell()
        if reader.is_full:
            yield
    reader.tally.size += found.size - counted


def tasks(files: Iterable[Found]) -> list[FileTask]:
    """The files in groups that are worth handing to a process."""
    grouped: list[FileTask] = []
    group: list[Found] = []
    size = 0
    for found in files:
        group.append(found)
        size += found.size
        if size >= TASK_BYTES or len(group) >= TASK_FILES:
            grouped.append(FileTask(tuple(group)))
            group, size = [], 0
    if group:
        grouped.append(FileTask(tuple(group)))
    return grouped
