"""Compressed values: recognised by their first bytes, and decompressed within a bound (R3).

The formats are gzip, zlib, zstd (RFC 8878), LZ4 frames, Snappy's framing, and the framing of Java's
``SnappyOutputStream``. A value may hold several of a format in a row, as when files were concatenated.
https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, https://github.com/google/snappy/blob/main/framing_format.txt,
https://github.com/xerial/snappy-java/blob/master/src/main/java/org/xerial/snappy/SnappyOutputStream.java.

Rules:
- At most one byte more than the bound is decompressed; that byte shows that the content is larger.
- zlib may start with ``x^``, which may also start text. A value that is not zlib and is valid UTF-8 is text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cramjam

from streams.content import gzipped
from streams.content.gzipped import CorruptError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable

    _DecompressInto = Callable[[bytes, bytearray], int]

__all__ = ["STARTS", "Beginning", "CorruptError", "SizeBudget", "TooLargeError", "decompress"]

_JAVA_SNAPPY = b"\x82SNAPPY\0"
_BY_CRAMJAM: tuple[tuple[bytes, str, _DecompressInto], ...] = (
    (b"\x28\xb5\x2f\xfd", "zstd", cramjam.zstd.decompress_into),
    (b"\x04\x22\x4d\x18", "lz4", cramjam.lz4.decompress_into),
    (b"\xff\x06\x00\x00sNaPpY", "snappy", cramjam.snappy.decompress_into),
)

STARTS = (gzipped.MAGIC, *gzipped.ZLIB_STARTS, *(start for start, _, _ in _BY_CRAMJAM), _JAVA_SNAPPY)
"""The first bytes of a compressed value. Those of zlib may also start text."""

_JAVA_SNAPPY_HEADER = 16  # magic, version and the oldest version that can read it
_LENGTH = 4

# The size of the content is not known. The buffer grows until the content fits, up to one byte more than the bound.
_FIRST_BUFFER = 64 * 1024
_GROWTH = 4
_BUFFER_IS_FULL = "failed to write whole buffer"  # cramjam has no other sign of it


@dataclass(frozen=True, slots=True)
class Beginning:
    """The bytes that could be decompressed.

    Attributes:
        content: all bytes, or those before the damage or the bound, as far as the format shows them.
        damage: what is wrong, in words; ``None`` if the value is whole.
        is_larger: whether the content is larger than the bound.
    """

    content: bytes
    damage: str | None = None
    is_larger: bool = False


@dataclass(slots=True)
class SizeBudget:
    """How many bytes may be decompressed from one message, its nested values included (R3).

    Attributes:
        limit: the bound in bytes.
        used: how many bytes have been decompressed.
    """

    limit: int
    used: int = 0

    def unpack(self, value: bytes) -> bytes:
        """Return the content of a compressed value; return any other value unchanged.

        A value that is not compressed is not counted, because it is part of bytes that were counted before.

        Raises:
            CorruptError: the value starts like a compressed one, and is damaged or cut.
            TooLargeError: the message is larger than the bound, decompressed.
        """
        beginning = decompress(value, self.limit - self.used) if value.startswith(STARTS) else None
        if beginning is None:
            if len(value) > self.limit:
                raise TooLargeError(self.limit)
            return value
        if beginning.is_larger:
            raise TooLargeError(self.limit)
        if beginning.damage is not None:
            raise CorruptError(beginning.damage)
        self.used += len(beginning.content)
        return beginning.content

    def spans(self, value: bytes) -> list[gzipped.Span]:
        """Split damaged gzip into whole and damaged members, as ``gzipped.spans``.

        Raises:
            TooLargeError: the message is larger than the bound, decompressed.
        """
        spans = gzipped.spans(value, self.limit - self.used) if value.startswith(gzipped.MAGIC) else []
        self.used += sum(len(span.content or b"") for span in spans)
        return spans


def decompress(value: bytes, limit: int) -> Beginning | None:
    """Decompress up to ``limit`` bytes of a value; ``None`` if it is not compressed."""
    if not value.startswith(STARTS):
        return None
    for start, name, decompress_into in _BY_CRAMJAM:
        if value.startswith(start):
            return _into_buffer(name, decompress_into, value, limit)
    if value.startswith(_JAVA_SNAPPY):
        return _java_snappy(value, limit)
    beginning = _by_pieces(value, limit)
    if beginning.damage is not None and value.startswith(gzipped.ZLIB_STARTS) and _is_text(value):
        return None
    return beginning


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _by_pieces(value: bytes, limit: int) -> Beginning:
    pieces: list[bytes] = []  # joined at the end: most values are one piece, which is then not copied
    size = 0
    try:
        for piece in gzipped.pieces(value):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                return Beginning(b"".join(pieces)[:limit], is_larger=True)
    except gzipped.CorruptGzipError as error:
        return Beginning(b"".join(pieces), str(error))
    return Beginning(b"".join(pieces))


def _into_buffer(name: str, decompress_into: _DecompressInto, value: bytes, limit: int) -> Beginning:
    size = min(limit + 1, max(_FIRST_BUFFER, _GROWTH * len(value)))
    while True:
        buffer = bytearray(size)
        try:
            written = decompress_into(value, buffer)
        except cramjam.DecompressionError as error:
            if str(error) != _BUFFER_IS_FULL:
                return Beginning(bytes(buffer.rstrip(b"\0")), f"damaged or cut {name}: {error}")
            if size > limit:
                return Beginning(bytes(memoryview(buffer)[:limit]), is_larger=True)
            size = min(limit + 1, size * _GROWTH)
        else:
            return Beginning(bytes(memoryview(buffer)[: min(written, limit)]), is_larger=written > limit)


def _java_snappy(value: bytes, limit: int) -> Beginning:
    """Decompress blocks of raw Snappy, each behind its length; a header may also come between two blocks."""
    content = bytearray()
    position = 0
    while position < len(value):
        if value.startswith(_JAVA_SNAPPY, position):
            position += _JAVA_SNAPPY_HEADER
            continue
        start = position + _LENGTH
        position = start + int.from_bytes(value[position:start], "big")
        block = value[start:position]
        if not block or position > len(value):
            break
        try:
            if len(content) + cramjam.snappy.decompress_raw_len(block) > limit:
                return Beginning(bytes(content), is_larger=True)
            content += cramjam.snappy.decompress_raw(block)
        except cramjam.DecompressionError as error:
            return Beginning(bytes(content), f"damaged snappy: {error}")
    if position != len(value):
        return Beginning(bytes(content), "cut snappy: it ends before its last block does")
    return Beginning(bytes(content))
