"""From a stored file to messages: a file is one message; ``.jsonl`` and ``.ndjson`` hold one message per line.

Rules:
- A file of JSON lines that is larger than a message may be is read line by line, whatever its name.
- Compression is told by the first bytes, not by the name. Gzip is decompressed piece by piece, so that its size is
  bounded while it is read (R3), and may have several members (``content/gzipped.py``).
- The other compressions (``content/compression.py``) are decompressed at once, up to the bound of a message.
- A small file is read whole. In an archive nearly all files are small gzip of one member, the fastest case.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from streams.content import compression, gzipped
from streams.extraction.extract import MAX_MESSAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

READ = 64 * 1024
"""How many stored bytes are read at once from a file that is not read whole."""

READ_WHOLE = 1024 * 1024
"""The largest file that is read whole, in stored bytes."""

PIECE = 64 * 1024
"""The largest piece of gzip in bytes: it stays in the processor's cache, and its memory is used again."""

WHOLE = 4 * 1024 * 1024
"""The largest content that is decompressed in one go, in bytes: many times what a file of CloudTrail holds."""

PARQUET_START = b"PAR1"
"""The first bytes of a Parquet file, whose rows are messages (``parquet/``)."""

_LINES = (".jsonl", ".ndjson")
_COMPRESSED = re.compile(r"\.(?:gz|zst|zstd|zz|zlib|lz4|sz|snappy)$")


class CannotReadError(Exception):
    """The stored bytes cannot be decompressed, or not to their end; the message says why."""


class DamagedGzipError(CannotReadError):
    """Gzip that is cut or damaged; some of its members may be whole.

    Attributes:
        stored: the file as it is stored; ``None`` if its content is larger than a message may be.
    """

    def __init__(self, error: str, stored: bytes | None) -> None:
        super().__init__(error)
        self.stored = stored


def holds_lines(path: str) -> bool:
    """Whether a file of that name holds one message per line, not one message in all."""
    return _COMPRESSED.sub("", path.lower()).endswith(_LINES)


def blocks(stored: BinaryIO, bound: int, size: int = 0) -> Iterator[bytes]:
    """Give the file in decompressed blocks of whole lines; the last line may be without its line end.

    A line longer than ``bound`` bytes is a block of its own, cut to one byte more than ``bound``. ``size`` is as for
    ``pieces``.

    Raises:
        CannotReadError: the file is cut or damaged; the whole lines before the damage were given, the cut line was not.
        OSError: the file cannot be read.
    """
    return in_blocks(pieces(stored, size, bound), bound)


def in_blocks(pieces: Iterable[bytes | bytearray], bound: int) -> Iterator[bytes]:
    """Give the content of pieces in blocks of whole lines, as ``blocks``."""
    rest: list[bytes | bytearray] = []
    held = 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if not end:
            if held <= bound:
                rest.append(piece)
                held += len(piece)
            continue
        start = 0
        if held + (first := piece.find(b"\n")) > bound:
            rest[:] = [b"".join((*rest, piece[:first]))[: bound + 1]]  # they are large: hold each byte once
            yield bytes(rest.pop())
            start = first + 1
        block = b"".join((*rest, piece[start:end]))
        if block:
            yield block
        rest = [piece[end:]] if end < len(piece) else []
        held = len(piece) - end
    if rest:
        yield b"".join(rest)[: bound + 1]


def pieces(stored: BinaryIO, size: int = 0, bound: int = MAX_MESSAGE_SIZE) -> Iterator[bytes | bytearray]:
    """Give the content in pieces of at most ``WHOLE`` bytes, decompressed if it is compressed.

    Args:
        stored: the file, at its start.
        size: its stored size in bytes, as far as it is known; a small file is then read by one call.
        bound: the bound of a message in bytes, decompressed. It is enforced here for every compression but gzip.

    Raises:
        CannotReadError: the file is cut, damaged or too large; everything that could be decompressed was given first.
        DamagedGzipError: as ``CannotReadError``, for gzip.
        OSError: the file cannot be read.
    """
    data = stored.read(max(READ, size + 1) if size < READ_WHOLE else READ)
    if data.startswith(gzipped.MAGIC):
        more = stored.read(READ)
        whole = None if more else gzipped.only_member(data, WHOLE)
        if whole is None:
            yield from _gzip(chain((data, more), iter(partial(stored.read, READ), b"")), bound)
        else:
            yield whole
        return
    if data.startswith(compression.STARTS):
        yield from _at_once(data + stored.read(bound), bound)
        data = b""
    while data:
        yield data
        data = stored.read(READ)


def _gzip(chunks: Iterable[bytes], bound: int) -> Iterator[bytes]:
    """Decompress gzip; keep its stored bytes while the content is within the bound, for the error to hold them."""
    kept: list[bytes] = []
    size = 0
    following = iter(chunks)
    try:
        for piece in gzipped.stream(_keeping(following, kept), PIECE):
            size += len(piece)
            if size > bound:
                kept.clear()
            yield piece
    except gzipped.CorruptGzipError as error:
        stored = None if size > bound else b"".join((*kept, *following))
        raise DamagedGzipError(str(error), stored) from error


def _keeping(chunks: Iterable[bytes], kept: list[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        kept.append(chunk)
        yield chunk


def _at_once(stored: bytes, bound: int) -> Iterator[bytes]:
    beginning = compression.decompress(stored, bound)
    content = stored if beginning is None else beginning.content
    for start in range(0, len(content), WHOLE):
        yield content[start : start + WHOLE]
    if beginning is None:
        return
    if beginning.is_larger:
        raise CannotReadError(
            f"larger than {bound} bytes, decompressed: raise max_message_size, or compress it with gzip and name it"
            " .jsonl.gz if each of its lines is a message"
        )
    if beginning.damage is not None:
        raise CannotReadError(beginning.damage)
