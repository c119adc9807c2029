"""Gzip and zlib: the one reader of both, for messages in memory and for files.

Rules:
- The content is given piece by piece, so that a caller can stop at its bound while it reads (R3).
- Members may follow each other, with zeros as padding between and behind them, as gzip(1) writes and reads them (R1).
- isal decompresses more than twice as fast as zlib. libdeflate is faster still, but needs the whole file, reads one
  member only and must be told the size. ``only_member`` uses it if its result is certain.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

import deflate
from isal import isal_zlib
from stringzilla import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = b"\x1f\x8b"

ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""The starts of zlib's format (RFC 1950) with its usual window of 32 KiB: one per level, without a dictionary."""

_Damage = cast("type[Exception]", isal_zlib.error)  # the library's stub calls the class an instance

_MEMBER = MAGIC + b"\x08"  # RFC 1952 knows one compression method only, deflate
_SIZE_BYTES = 4
_MOST_DAMAGED = 1000  # damaged members after which the next whole one is no longer looked for
_PIECE = 1024 * 1024
# isal copies what follows a member. Slices bound that copy, for a value of thousands of empty members.
_SLICE = 16 * 1024


class CorruptError(ValueError):
    """The bytes are cut or damaged; the message says what is wrong."""


class CorruptGzipError(CorruptError):
    """The bytes are cut or damaged gzip or zlib."""


class TooLargeError(ValueError):
    """The content is larger than it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit} bytes, decompressed")


class _DamagedSliceError(CorruptGzipError):
    """A slice of a member cannot be decompressed.

    Attributes:
        damaged: the slice.
        given: how many bytes of its content were given before the damage was found.
    """

    def __init__(self, error: str, damaged: bytes | memoryview, given: int) -> None:
        super().__init__(error)
        self.damaged = damaged
        self.given = given


class _Format(NamedTuple):
    """What tells the two formats apart: a name, zlib's ``wbits``, and how a member starts."""

    name: str
    wbits: int
    starts: tuple[bytes, ...]

    def member(self) -> isal_zlib.Decompress:
        return isal_zlib.decompressobj(wbits=self.wbits)


_GZIP = _Format("gzip", 31, (MAGIC,))
_ZLIB = _Format("zlib", 15, ZLIB_STARTS)


def pieces(value: bytes) -> Iterator[bytes]:
    """Decompress gzip or, if the value starts like it, zlib piece by piece, each of at most 1 MiB.

    Raises:
        CorruptGzipError: the value is cut or damaged, or something other than zeros follows a member. Everything that
            can be read before the damage was given first.
    """
    form = _ZLIB if value.startswith(ZLIB_STARTS) else _GZIP
    if len(value) <= _SLICE and (content := _at_once(value, form)):
        yield content
        return
    reader = _MemberReader(_slices((value,)), form, _PIECE)
    try:
        yield from reader.contents()
    except _DamagedSliceError as error:
        sound = memoryview(value)[reader.start : reader.position]
        yield _before_damage(form.member(), sound, error.damaged)[error.given :]
        raise


def stream(chunks: Iterable[bytes], piece: int) -> Iterator[bytes]:
    """Decompress gzip that comes in chunks, such as a file's, in pieces of at most ``piece`` bytes.

    Raises:
        CorruptGzipError: as ``pieces``; what the damaged slice of 16 KiB holds before its damage may be missing.
    """
    yield from _MemberReader(_slices(chunks), _GZIP, piece).contents()


def only_member(value: bytes, most: int) -> bytearray | None:
    """Decompress gzip of one member at once; ``None`` for gzip that ``stream`` has to read.

    That is gzip that may have several members, or is damaged, or holds no bytes or more than ``most`` bytes.
    """
    size = int.from_bytes(value[-_SIZE_BYTES:], "little")  # RFC 1952: the last four bytes are the last member's size
    if not 0 < size <= most or find(value, _MEMBER, 1) >= 0:
        return None
    try:
        content: bytearray = deflate.gzip_decompress(value)
    except (deflate.DeflateError, ValueError):
        return None
    return content if len(content) == size else None


class Span(NamedTuple):
    """Whole members in a row, or damaged bytes between them.

    Attributes:
        content: what the members hold; ``None`` for damaged bytes.
        stored: the bytes as they came.
    """

    content: bytes | None
    stored: bytes


def spans(value: bytes, limit: int) -> list[Span]:
    """Split damaged gzip into its whole members and the damaged bytes between them.

    A member is whole if its checksum is right. Behind a damaged member the next whole one is looked for. The list is
    empty if no member is whole, or if the value holds anything but gzip.

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
    """Return one member's content, and where the padding behind it ends; -1 if the member is damaged or cut."""
    reader = _MemberReader(_slices((memoryview(value)[start:],)), _GZIP, _PIECE)
    content = bytearray()
    try:
        for piece in reader.member():
            content += piece
            if len(content) > limit:
                raise TooLargeError(limit)
    except CorruptGzipError:
        return content, -1
    reader.skip_padding()
    return content, start + reader.position


def _at_once(value: bytes, form: _Format) -> bytes | None:
    """Return the content of one member, if a single piece holds it: most messages are so, and this is the fastest."""
    member = form.member()
    try:
        content = member.decompress(value, _PIECE)
    except _Damage:
        return None
    return content if member.eof and not member.unused_data else None


class _MemberReader:
    """Decompresses members that follow each other in slices of bytes.

    Attributes:
        start: the position in the input where the current member begins.
        position: the position up to which the input is decompressed, without the slice that is being decompressed.
    """

    def __init__(self, slices: Iterator[memoryview], form: _Format, piece: int) -> None:
        self.start = self.position = 0
        self._slices = slices
        self._form = form
        self._piece = piece
        self._rest: bytes | memoryview = next(slices, b"")

    def contents(self) -> Iterator[bytes]:
        """Give the content of all members; raises as ``pieces``."""
        while self._rest:
            yield from self.member()
            self.skip_padding()
            if self._rest and not self._is_at_member():
                raise CorruptGzipError(f"damaged {self._form.name}: something else follows it")

    def member(self) -> Iterator[bytes]:
        """Give the content of one member; raises as ``pieces``."""
        self.start = self.position
        member = self._form.member()
        fed = self._rest
        while True:
            given = 0
            try:
                for piece in _decompressed(member, fed, self._piece):
                    given += len(piece)
                    yield piece
            except _Damage as error:
                raise _DamagedSliceError(f"damaged {self._form.name}: {error}", fed, given) from None
            self.position += len(fed)
            if member.eof:
                break
            fed = next(self._slices, b"")
            if not fed:
                raise CorruptGzipError(f"cut {self._form.name}: it ends before its end marker")
        self._rest = member.unused_data
        self.position -= len(self._rest)

    def skip_padding(self) -> None:
        """Skip zeros behind a member."""
        while True:
            rest = bytes(self._rest).lstrip(b"\0")
            self.position += len(self._rest) - len(rest)
            self._rest = rest or next(self._slices, b"")
            if rest or not self._rest:
                return

    def _is_at_member(self) -> bool:
        if len(self._rest) == 1:
            self._rest = bytes(self._rest) + next(self._slices, b"")
        return bytes(self._rest[:2]).startswith(self._form.starts)


def _slices(chunks: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _SLICE):
            yield view[start : start + _SLICE]


def _decompressed(member: isal_zlib.Decompress, fed: bytes | memoryview, piece_size: int = _PIECE) -> Iterator[bytes]:
    data = fed
    while not member.eof:
        piece = member.decompress(data, piece_size)
        if piece:
            yield piece
        data = member.unconsumed_tail
        if not piece and not data:
            return


def _before_damage(member: isal_zlib.Decompress, sound: memoryview, damaged: bytes | memoryview) -> bytes:
    """Return what a damaged slice holds before its damage: isal gives it only if it is fed byte by byte.

    A wrong checksum is damage behind the content.
    """
    for position in range(0, len(sound), _SLICE):
        for _ in _decompressed(member, sound[position : position + _SLICE]):
            pass
    content = bytearray()
    with suppress(_Damage):
        for position in range(len(damaged)):
            for piece in _decompressed(member, damaged[position : position + 1]):
                content += piece
    return bytes(content)
