"""Gzip, read with a bound: what a message may become is limited while it is being read (R3), not afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x1f\x8b"

_GZIP_HEADER_AND_TRAILER = 31  # zlib's wbits
_PIECE = 1024 * 1024
# Fed in slices, because what follows a member is copied: a value of thousands of empty members would be too, each time.
_SLICE = 16 * 1024


class CorruptGzipError(ValueError):
    """The bytes are no whole gzip; the message says what is wrong."""


class TooLargeError(ValueError):
    """The content is larger than it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit} bytes, decompressed")


def inflate(value: bytes, limit: int) -> bytes:
    """Decompress gzip of one or several members.

    Raises:
        CorruptGzipError: it is damaged or cut, or something other than padding by zeros follows it.
        TooLargeError: it holds more than ``limit`` bytes; no more than that was decompressed.
    """
    content = bytearray()
    for piece in pieces(value):
        content += piece
        if len(content) > limit:
            raise TooLargeError(limit)
    return bytes(content)


def pieces(value: bytes) -> Iterator[bytes]:
    """Decompress gzip piece by piece, each of at most one MiB.

    Raises:
        CorruptGzipError: as ``inflate``, after the pieces before the damage.
    """
    view = memoryview(value)
    position = 0
    while position < len(value):
        member = isal_zlib.decompressobj(wbits=_GZIP_HEADER_AND_TRAILER)
        while not member.eof:
            fed = view[position : position + _SLICE]
            if not fed:
                raise CorruptGzipError("cut gzip: it ends before its end marker")
            yield from _fed(member, fed)
            position += len(fed)
        position -= len(member.unused_data)
        if value[position : position + len(MAGIC)] != MAGIC:
            if value[position:].strip(b"\0"):
                raise CorruptGzipError("damaged gzip: something else follows it")
            return


def _fed(member: isal_zlib.Decompress, fed: memoryview) -> Iterator[bytes]:
    data: bytes | memoryview = fed
    while not member.eof:
        try:
            piece = member.decompress(data, _PIECE)
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise CorruptGzipError(f"damaged gzip: {error}") from None
        if piece:
            yield piece
        data = member.unconsumed_tail
        if not piece and not data:
            return
