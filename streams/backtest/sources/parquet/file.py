"""Reads one Parquet file, in batches of rows.

Rules:
- A batch has at most ``ROWS`` rows, so memory is bounded by what that many events take: those of CloudTrail have at
  most 256 kB. Column chunks are read in pieces, and by one thread, because the replay has a process for each core.
- All columns are read. Without those that no rule needs decoding takes a quarter less, but alerts would not show them.
- A damaged row group is named, and the rows of the others count (R4). Pages that have a checksum are checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from streams.backtest.reading.read_stats import Location, Rejection
from streams.backtest.reading.tasks import Chunk
from streams.backtest.sources.parquet.candidates import all_rows, compile_candidates
from streams.backtest.sources.parquet.rows import in_microseconds, messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from streams.backtest.reading.reader import Reader
    from streams.backtest.sources.archive import Found
    from streams.backtest.sources.parquet.candidates import Candidates

ROWS = 1024
"""The most rows of a batch."""

_BUFFER = 256 * 1024
_LONGEST_ERROR = 200
# Arrow raises OSError for what it cannot decode, and for what cannot be read.
_DAMAGE = (pa.ArrowException, OSError)


def read_file(found: Found, stored: BinaryIO, reader: Reader) -> Iterator[Chunk]:
    """Read one opened file; yield a chunk whenever enough was found. Damage is in ``ReadStats.failures``.

    ``ReadStats.size`` grows by the file's size, in proportion to the rows that were read.
    """
    counted = 0
    try:
        file = pq.ParquetFile(
            stored,
            buffer_size=_BUFFER,
            pre_buffer=False,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="ms",  # the old form of Spark and Hive
        )
        rows = file.metadata.num_rows
    except _DAMAGE as error:
        reader.stats.failures.append((found.path, f"damaged Parquet: {_first_line(error)}"))
    else:
        done = 0
        find = _candidates(reader, file)
        for batch in _batches(found.path, file, reader):
            _read(batch, done + 1, find, found.path, reader)
            done += batch.num_rows
            if reader.is_full:
                position = min(found.size, found.size * done // max(rows, 1))
                reader.stats.size += position - counted
                counted = position
                yield Chunk(*reader.take())
    reader.stats.size += found.size - counted


def _candidates(reader: Reader, file: Any) -> Candidates:
    settings = reader.settings
    if settings.thorough:
        return all_rows
    return compile_candidates(
        settings.rules, file.schema_arrow.names, follow_sessions=settings.extract_settings.follow_sessions
    )


def _batches(path: str, file: Any, reader: Reader) -> Iterator[Any]:
    """Give the batches of all row groups; of a damaged one those before the damage."""
    groups = file.metadata.num_row_groups
    schema = in_microseconds(file.schema_arrow)
    is_cast = schema != file.schema_arrow
    for group in range(groups):
        batches = file.iter_batches(ROWS, row_groups=[group], use_threads=False)
        try:
            yield from (batch.cast(schema, safe=False) for batch in batches) if is_cast else batches
        except _DAMAGE as error:
            others = "; the rows of the others were read" if groups > 1 else ""
            where = f"row group {group + 1} of {groups}"
            reader.stats.failures.append((path, f"damaged Parquet, {where}: {_first_line(error)}{others}"))


def _read(batch: Any, first: int, find: Candidates, path: str, reader: Reader) -> None:
    """Read the candidates of a batch as messages. ``first`` is the number of its first row, from 1."""
    rows = find(batch)
    skipped = batch.num_rows - len(rows)
    reader.stats.messages += skipped
    reader.stats.unmarked += skipped
    if not rows:
        return
    for row, message in messages(batch, rows):
        if message is None:
            reader.stats.messages += 1
            error = "a row that is not text in UTF-8, or holds a time of no calendar"
            reader.stats.reject(Rejection(Location(path, first + row), "malformed", error))
        else:
            reader.lines(message, path, first + row)


def _first_line(error: Exception) -> str:
    return (str(error).split("\n", 1)[0] or type(error).__name__)[:_LONGEST_ERROR]
