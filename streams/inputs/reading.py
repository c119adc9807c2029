"""From the bytes of a message to its records: decompress, decode, parse, walk through its shape (R1 to R6).

Rules:
- Everything in a message comes out, in order, as a record, as a notice (known to hold no record) or as unreadable.
- Text that is not one JSON document is read as several, one a line, if at least one line is a document and the first
  does not merely open one. A line that is none costs only itself (R4).
- What is unreadable more than ``_MOST_UNREADABLE`` times is rejected as a whole, and read no further: 64 kB of gzip can
  hold millions of elements that are nothing, and a worker must live through that (R3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.detection import gzipped, json_text
from streams.detection.record import Notice, Unreadable
from streams.inputs.encoding import NotTextError, to_utf8
from streams.inputs.shapes import read_value
from streams.inputs.walk import Room, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.walk import Item

_BLANKS = b" \t\r\n"
_OPENING = (b"{", b"[", b",", b":")
_MOST_UNREADABLE = 10_000


def read(value: bytes | None, limit: int) -> Iterator[Item]:
    """Read a message.

    Args:
        value: the bytes as they came; ``None`` is a tombstone.
        limit: how many bytes it may have, decompressed.
    """
    room = Room(limit)
    try:
        text = _text(value or b"", room)
        if not text:
            yield Notice("an empty value")
            return
        yield from _within_reason(_documents(text, Walk(read_value, room)))
    except gzipped.TooLargeError as error:
        yield Unreadable("too-large", str(error))
    except (gzipped.CorruptGzipError, NotTextError, json_text.MalformedJsonError) as error:
        yield Unreadable("malformed", str(error))


def _within_reason(items: Iterator[Item]) -> Iterator[Item]:
    unreadable = 0
    for item in items:
        unreadable += isinstance(item, Unreadable)
        if unreadable > _MOST_UNREADABLE:
            yield Unreadable("malformed", f"more than {_MOST_UNREADABLE} elements are unreadable")
            return
        yield item


def _text(value: bytes, room: Room) -> bytes:
    if value.startswith(gzipped.MAGIC):
        value = room.inflate(value)
    elif len(value) > room.limit:
        raise gzipped.TooLargeError(room.limit)
    return to_utf8(value).strip(_BLANKS)


def _documents(text: bytes, walk: Walk) -> Iterator[Item]:
    try:
        value = json_text.parse(text)
    except json_text.MalformedJsonError:
        lines = [line for line in text.split(b"\n") if line.strip(_BLANKS)]
        if not _are_documents(lines):
            raise
    else:
        yield from read_value(value, walk)
        return
    elements = walk.elements()
    for line in lines:
        try:
            value = json_text.parse(line)
        except json_text.MalformedJsonError as error:
            yield elements.unreadable("malformed", str(error), line)
        else:
            yield from read_value(value, elements)


def _are_documents(lines: list[bytes]) -> bool:
    """Whether these are documents, one a line, rather than the lines of one that is cut or damaged."""
    return len(lines) > 1 and not lines[0].rstrip(_BLANKS).endswith(_OPENING) and any(map(_is_document, lines))


def _is_document(line: bytes) -> bool:
    if not line.lstrip(_BLANKS).startswith((b"{", b"[")):
        return False
    try:
        json_text.parse(line)
    except json_text.MalformedJsonError:
        return False
    return True
