"""Files as a source: each task reads a group of files. A Parquet file is told by its name or its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import Chunk
from streams.backtest.sources import file_messages
from streams.backtest.sources.archive import Found, error_text
from streams.backtest.sources.file_messages import CannotReadError, DamagedGzipError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.backtest.reading.tasks import ReadSettings

TASK_BYTES = 4 * 1024 * 1024
TASK_FILES = 64

NEEDS_PARQUET = "is Parquet, which needs the extra `parquet`: pip install 'rootwatch[parquet]'"
"""What is said of a Parquet file if pyarrow is not installed."""

_PARQUET = (".parquet", ".parq")

SMALL_INPUT = 8 * 1024 * 1024
"""An input of at most this many stored bytes is read by one process, and thoroughly: starting more would cost more."""


class FileTask(Struct, frozen=True):
    """A group of files, read one after the other."""

    files: tuple[Found, ...]

    def read(self, read_settings: ReadSettings) -> Iterator[Chunk]:
        """Read the files. One that cannot be read is named in ``ReadStats.failures``, and the next one follows."""
        reader = Reader(read_settings)
        for found in self.files:
            try:
                with open(found.path, "rb", buffering=0) as stored:  # noqa: PTH123  a path object would double the cost
                    yield from read_one(found, stored, reader)
            except OSError as error:
                reader.stats.failures.append((found.path, error_text(error)))
        yield Chunk(*reader.take())


def is_named_parquet(path: str) -> bool:
    """Whether a file's name says that it is Parquet, as in ``….gz.parquet`` of Security Lake."""
    return path.lower().endswith(_PARQUET)


def read_one(found: Found, stored: BinaryIO, reader: Reader) -> Iterator[Chunk]:
    """Read one opened file; yield a chunk whenever enough was read or found. Failures are in the stats.

    A file with damaged gzip members is a failure, but its whole members are read, or its lines before the damage.
    """
    try:
        is_parquet = _is_parquet(found.path, stored)
    except OSError as error:
        reader.stats.failures.append((found.path, error_text(error)))
        return
    yield from (_read_parquet if is_parquet else _read_messages)(found, stored, reader)


def _is_parquet(path: str, stored: BinaryIO) -> bool:
    if is_named_parquet(path):
        return True
    if not stored.seekable():  # a pipe
        return False
    is_parquet = stored.read(len(file_messages.PARQUET_START)) == file_messages.PARQUET_START
    stored.seek(0)
    return is_parquet


def _read_parquet(found: Found, stored: BinaryIO, reader: Reader) -> Iterator[Chunk]:
    try:
        from streams.backtest.sources.parquet.file import read_file  # noqa: PLC0415  an optional extra
    except ImportError:
        reader.stats.failures.append((found.path, NEEDS_PARQUET))
        reader.stats.size += found.size
        return
    yield from read_file(found, stored, reader)
    if reader.is_full:
        yield Chunk(*reader.take())


def _read_messages(found: Found, stored: BinaryIO, reader: Reader) -> Iterator[Chunk]:
    counted = 0
    holds_lines = file_messages.holds_lines(found.path)
    try:
        if holds_lines:
            blocks: Iterable[bytes] = file_messages.blocks(stored, reader.max_message_size, found.size)
        else:
            blocks = reader.file(file_messages.pieces(stored, found.size, reader.max_message_size), found.path)
        number = 1
        for block in blocks:
            number = reader.lines(block, found.path, number)
            position = stored.tell() if stored.seekable() else 0  # a pipe has no position
            if reader.is_full or position - counted >= TASK_BYTES:
                reader.stats.size += position - counted
                counted = position
                yield Chunk(*reader.take())
    except CannotReadError as error:
        message = str(error)
        if isinstance(error, DamagedGzipError) and error.stored is not None and not holds_lines:
            message += "; its whole members were read" if reader.whole_members(error.stored, found.path) else ""
        reader.stats.failures.append((found.path, message))
    except OSError as error:
        reader.stats.failures.append((found.path, error_text(error)))
    reader.stats.size += found.size - counted
    if reader.is_full:
        yield Chunk(*reader.take())


def groups(files: Iterable[Found]) -> Iterator[tuple[Found, ...]]:
    """The files in groups, each large enough to be worth a task."""
    group: list[Found] = []
    size = 0
    for found in files:
        group.append(found)
        size += found.size
        if size >= TASK_BYTES or len(group) >= TASK_FILES:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)
