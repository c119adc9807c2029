"""Gzip, read with a bound: what a message may become is limited while it is being read (R3), not afterwards."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x1f\x8b"

_Damage = cast("type[Exception]", isal_zlib.error)  # the library's stub calls the class an instance

_GZIP_HEADER_AND_TRAILER = 31  # zlib's wbits
_PIECE = 1024 * 1024
_PADDING = re.compile(rb"\0*+")
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
        CorruptGzipError: as ``inflate``, after all that can be read before the damage.
    """
    view = memoryview(value)
    start = 0
    while start < len(value):
        member = isal_zlib.decompressobj(wbits=_GZIP_HEADER_AND_TRAILER)
        position = start
        while not member.eof:
            fed = view[position : position + _SLICE]
            if not fed:
                raise CorruptGzipError("cut gzip: it ends before its end marker")
            size = 0
            try:
                for piece in _decompressed(member, fed):
                    size += len(piece)
                    yield piece
            except _Damage as error:
                yield _before_damage(view[start:position], fed)[size:]
                raise CorruptGzipError(f"damaged gzip: {error}") from None
            position += len(fed)
        end = position - len(member.unused_data)
        start = cast("re.Match[bytes]", _PADDING.match(value, end)).end()
        if start < len(value) and not value.startswith(MAGIC, start):
            raise CorruptGzipError("damaged gzip: something else follows it")


def _decompressed(member: isal_zlib.Decompress, fed: memoryview) -> Iterator[bytes]:
    data: bytes | memoryview = fed
    while not member.eof:
        piece = member.decompress(data, _PIECE)
        if piece:
            yield piece
        data = member.unconsumed_tail
        if not piece and not data:
            return


def _before_damage(whole: memoryview, damaged: memoryview) -> bytes:
    """What a damaged slice holds before its damage, which decompressing it at once does not give.

    A wrong checksum is damage behind the content.
    """
    member = isal_zlib.decompressobj(wbits=_GZIP_HEADER_AND_TRAILER)
    for position in range(0, len(whole), _SLICE):
        for _ in _decompressed(member, whole[position : position + _SLICE]):
            pass
    content = bytearray()
    with suppress(_Damage):
        for position in range(len(damaged)):
            for piece in _decompressed(member, damaged[position : position + 1]):
                content += piece
    return bytes(content)
