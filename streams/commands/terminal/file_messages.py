"""The messages of files that a command is given: each file is one message, or one per line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streams.backtest.sources.file_messages import PARQUET_START, CannotReadError, blocks, holds_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"


def messages_of(file: str, limit: int) -> Iterator[tuple[str, bytes]]:
    """Give each message with its source: the file, or the file and the line, counted from one.

    Raises:
        OSError: the file cannot be read.
        CannotReadError: it cannot be decompressed, or is Parquet.
    """
    if file == STDIN:
        yield file, _read_message(sys.stdin.buffer, limit)
        return
    with Path(file).open("rb") as stored:
        if not holds_lines(file):
            yield file, _read_message(stored, limit)
            return
        number = 0
        for block in blocks(stored, limit):
            for line in block.removesuffix(b"\n").split(b"\n"):
                number += 1
                if line.strip():
                    yield f"{file}:{number}", line


def _read_message(stored: BinaryIO, limit: int) -> bytes:
    """Read enough to recognise a message that is too large; gzip may be a little larger than its content."""
    message = stored.read(limit + limit // 1000 + 1024)
    if message.startswith(PARQUET_START):
        raise CannotReadError("it is Parquet: backtest and warm-up read its rows, here give one as JSON")
    return message
