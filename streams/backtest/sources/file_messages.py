"""From a stored file to messages: a file is one message, ``.jsonl`` and ``.ndjson`` hold one message a line.

So does a file of JSON lines that is larger than a message may be, whatever its name. Other compressions than gzip (see
``detection/compression.py``) are decompressed at once, and therefore only up to the bound of a message.

Gzip is told by its magic bytes, not by the name, and may have several members. What a message may take decompressed is
bounded while it is being read (R3), however small the file. isal decompresses more than twice as fast as zlib.

libdeflate is faster still, but wants all of a file at once, knows one member only and needs to be told its size. So it
gets the small files of one member, which in an archive are nearly all, and isal whatever it cannot vouch for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

import deflate
from isal import isal_zlib
from stringzilla import find

from streams.content import compression
from streams.extraction.extract import MAX_MESSAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP = b"\x1f\x8b"
READ = 64 * 1024
"""How many stored bytes are read at once of a file that is not read whole."""

READ_WHOLE = 1024 * 1024
"""Up to how many stored bytes a file is read whole."""

PIECE = 64 * 1024
"""How much isal decompresses at once: it stays in the processor's cache, and its memory is used again."""

WHOLE = 4 * 1024 * 1024
"""Up to how much is decompressed by libdeflate in one go: what a file of CloudTrail's takes, many times over."""

_MEMBER = GZIP + b"\x08"

_GZIP_WINDOW = 31  # zlib's wbits for a gzip header and trailer
_DAMAGE: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # isal's stub has it as an instance
_LINES = (".jsonl", ".ndjson")
_COMPRESSED = re.compile(r"\.(?:gz|zst|zstd|zz|zlib|lz4|sz|snappy)$")


class CannotReadError(Exception):
    """The stored bytes cannot be decompressed, or not to their end; the message says why."""


def holds_lines(path: str) -> bool:
    """Whether the file of that name holds one message a line rather than one in all."""
    return _COMPRESSED.sub("", path.lower()).endswith(_LINES)


def blocks(stored: BinaryIO, bound: int, size: int = 0) -> Iterator[bytes]:
    """The file in blocks of whole lines, decompressed, each ending at a line's end; the last one may lack it.

    A line longer than ``bound`` comes alone in its block, cut at one byte more than ``bound``. ``size`` is as for
    ``pieces``.

    Raises:
        CannotReadError: cut or damaged gzip; the whole lines before it were yielded, the cut one is not.
        OSError: the file cannot be read.
    """
    return in_blocks(pieces(stored, size, bound), bound)


def in_blocks(pieces: Iterable[bytes | bytearray], bound: int) -> Iterator[bytes]:
    """The content of pieces in blocks of whole lines, as ``blocks`` gives it."""
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
            rest[:] = [b"".join((*rest, piece[:first]))[: bound + 1]]  # these are large: no more of them than must be
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
    """The content in pieces of at most ``WHOLE`` bytes, decompressed if it starts like gzip.

    Args:
        stored: the file, at its start.
        size: how many bytes it is said to have; one that is read at once need not be put together.
        bound: how many bytes a file may have, decompressed, if it is compressed in another way than gzip.

    Raises:
        CannotReadError: cut, damaged, or too large; what could be decompressed before came first.
        OSError: the file cannot be read.
    """
    data = stored.read(max(READ, size + 1) if size < READ_WHOLE else READ)
    if data.startswith(GZIP):
        more = stored.read(READ)
        whole = None if more else _only_member(data)
        if whole is not None:
            yield whole
            return
        try:
            yield from _members(data + more, stored)
        except _DAMAGE as error:
            raise CannotReadError(f"damaged gzip: {error}") from error
        return
    if data.startswith(compression.STARTS):
        yield from _at_once(data + stored.read(bound), bound)
        data = b""
    while data:
        yield data
        data = stored.read(READ)


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


def _only_member(stored: bytes) -> bytearray | None:
    """A small gzip file's content; ``None`` if it may have more members than one, or is large, or is damaged."""
    size = int.from_bytes(stored[-4:], "little")  # RFC 1952: the last four bytes tell it, of the last member
    if not 0 < size <= WHOLE or find(stored, _MEMBER, 1) >= 0:
        return None
    try:
        content: bytearray = deflate.gzip_decompress(stored)
    except (deflate.DeflateError, ValueError):
        return None  # the other way says what is wrong
    return content if len(content) == size else None


def _members(data: bytes, stored: BinaryIO) -> Iterator[bytes]:
    member = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
    while True:
        if not data:
            data = stored.read(READ)
            if not data:
                raise CannotReadError("cut gzip: it ends before its end marker")
        if piece := member.decompress(data, PIECE):
            yield piece
        if not member.eof:
            data = member.unconsumed_tail
            continue
        data = (member.unused_data or stored.read(READ)).lstrip(b"\0")  # padding by zeros is allowed, as in gzip(1)
        while not data:
            data = stored.read(READ)
            if not data:
                return
            data = data.lstrip(b"\0")
        member = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
