"""Gzip and zlib, read with a bound: what a message may become is limited while it is being read (R3)."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x1f\x8b"

ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""The starts of zlib's format (RFC 1950) with its usual window of 32 KiB, one for each level, without a dictionary."""

_Damage = cast("type[Exception]", isal_zlib.error)  # the library's stub calls the class an instance

_MEMBER = MAGIC + b"\x08"
_MOST_DAMAGED = 1000  # members that are looked for in vain
_PIECE = 1024 * 1024
_PADDING = re.compile(rb"\0*+")
# Fed in slices, because what follows a member is copied: a value of thousands of empty members would be too, each time.
_SLICE = 16 * 1024


class CorruptError(ValueError):
    """The bytes are not whole, or are damaged; the message says what is wrong."""


class CorruptGzipError(CorruptError):
    """The bytes are no whole gzip or zlib."""


class TooLargeError(ValueError):
    """The content is larger than it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit} bytes, decompressed")


class _Format(NamedTuple):
    """What tells the two formats apart: a name, zlib's ``wbits``, and how a member starts."""

    name: str
    wbits: int
    starts: tuple[bytes, ...]

    def member(self) -> isal_zlib.Decompress:
        return isal_zlib.decompressobj(wbits=self.wbits)


_GZIP = _Format("gzip", 31, (MAGIC,))
_ZLIB = _Format("zlib", 15, ZLIB_STARTS)


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
    """Decompress gzip or, if the value starts like it, zlib piece by piece, each of at most one MiB.

    Raises:
        CorruptGzipError: as ``inflate``, after all that can be read before the damage.
    """
    form = _ZLIB if value.startswith(ZLIB_STARTS) else _GZIP
    view = memoryview(value)
    start = 0
    while start < len(value):
        member = form.member()
        position = start
        while not member.eof:
            fed = view[position : position + _SLICE]
            if not fed:
                raise CorruptGzipError(f"cut {form.name}: it ends before its end marker")
            size = 0
            try:
                for piece in _decompressed(member, fed):
                    size += len(piece)
                    yield piece
            except _Damage as error:
                yield _before_damage(form.member(), view[start:position], fed)[size:]
                raise CorruptGzipError(f"damaged {form.name}: {error}") from None
            position += len(fed)
        end = position - len(member.unused_data)
        start = cast("re.Match[bytes]", _PADDING.match(value, end)).end()
        if start < len(value) and not value.startswith(form.starts, start):
            raise CorruptGzipError(f"damaged {form.name}: something else follows it")


class Span(NamedTuple):
    """Whole members in a row, or what is damaged between them.

    Attributes:
        content: what the members hold; ``None`` if this is damaged.
        stored: the bytes as they came.
    """

    content: bytes | None
    stored: bytes


def spans(value: bytes, limit: int) -> list[Span]:
    """Tell the whole members of damaged gzip from the others; empty if none is whole, or if something else is there.

    A member is whole if its checksum is right. Behind one that is not, the next whole one is looked for.

    Raises:
        TooLargeError: more than ``limit`` bytes were decompressed.
    """
    ends: list[tuple[int, bytearray | None]] = []
    position = used = failed = 0
    while position < len(value):
        content, end = _member(value, position, limit - used)
        used += len(content)
        failed += end < 0
        last = ends.pop() if ends and (ends[-1][1] is None) == (end < 0) else None
        if end >= 0:
            ends.append((end, last[1] + content if last and last[1] is not None else content))
        else:
            found = value.find(_MEMBER, position + 1) if failed < _MOST_DAMAGED else -1
            end = len(value) if found < 0 else found
            ends.append((end, None))
        position = end
    starts = [0, *(end for end, _ in ends)]
    found_spans = [
        Span(None if content is None else bytes(content), value[start:end])
        for start, (end, content) in zip(starts, ends, strict=False)
    ]
    damaged = [span.stored for span in found_spans if span.content is None]
    is_gzip = all(stored.startswith(MAGIC) or stored == MAGIC[:1] for stored in damaged)
    return found_spans if is_gzip and 0 < len(damaged) < len(found_spans) else []


def _member(value: bytes, start: int, limit: int) -> tuple[bytearray, int]:
    """One member's content, and where it and the padding behind it end: below zero if it is damaged or cut."""
    member = _GZIP.member()
    content = bytearray()
    position = start
    try:
        while not member.eof:
            fed = memoryview(value)[position : position + _SLICE]
            if not fed:
                return content, -1
            for piece in _decompressed(member, fed):
                content += piece
                if len(content) > limit:
                    raise TooLargeError(limit)
            position += len(fed)
    except _Damage:
        return content, -1
    end = position - len(member.unused_data)
    return content, cast("re.Match[bytes]", _PADDING.match(value, end)).end()


def _decompressed(member: isal_zlib.Decompress, fed: memoryview) -> Iterator[bytes]:
    data: bytes | memoryview = fed
    while not member.eof:
        piece = member.decompress(data, _PIECE)
        if piece:
            yield piece
        data = member.unconsumed_tail
        if not piece and not data:
            return


def _before_damage(member: isal_zlib.Decompress, whole: memoryview, damaged: memoryview) -> bytes:
    """What a damaged slice holds before its damage, which decompressing it at once does not give.

    A wrong checksum is damage behind the content.
    """
    for position in range(0, len(whole), _SLICE):
        for _ in _decompressed(member, whole[position : position + _SLICE]):
            pass
    content = bytearray()
    with suppress(_Damage):
        for position in range(len(damaged)):
            for piece in _decompressed(member, damaged[position : position + 1]):
                content += piece
    return bytes(content)
