r"""The fetch filter's byte test: which messages cannot hold the rule's event, decided without reading them.

It is exact in one direction: what it drops holds no record that names the event, in no shape. The argument:

- The event's name is ASCII that JSON writes as it is, or as escapes ``\u00XX`` of its characters. If the name's bytes
  are not there, at least one of its characters is escaped.
- In JSON inside a JSON string the escape's own characters (``\``, ``u`` and hexadecimal digits) may be escaped in turn.
  So some escape in the bytes as they are is of a character of the name, of ``\``, of ``u`` or of a digit. Others, such
  as ``\u0026``, ``\u003c`` or ``\u0022``, which many writers use for ``&``, ``<`` and quotes, prove nothing.
- Gzip, and text whose byte order mark announces UTF-16 or UTF-32, is unpacked and tested again.
- Base64 hides the name only in ``awslogs`` data, where its key gives it away; the key may be escaped like the name.
  What is on one line and begins like a record or a log file is one, and holds no such data.

Bytes with only such a mark take the slow way: they are really read, and dropped if no record in them names the event
and nothing in them is unreadable. Where many messages lie together in one piece of memory, ``finder`` clears those
that hold no name, no telling escape, no start of packed bytes and no ``awslogs``, by the same argument.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from stringzilla import find

from streams.detection import gzipped
from streams.detection.record import Notice, Record
from streams.inputs import cloudtrail, records_file
from streams.inputs.encoding import NotTextError, to_utf8
from streams.inputs.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKED_KEY = "awslogs"
_ESCAPE = b"\\u00"
_LONG = 4096
_OF_ESCAPES = "\\u0123456789abcdefABCDEF"
# What gzip and the byte order marks of UTF-16 and UTF-32 start with; no JSON starts so.
_PACKED_STARTS = (gzipped.MAGIC, b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_FIRST_OF_PACKED = frozenset(start[0] for start in _PACKED_STARTS)


@cache
def matcher(event_name: str, limit: int) -> Callable[[bytes | bytearray | None], bool]:
    """Return the test for a rule's event name: whether a message may hold a record that names it.

    Args:
        event_name: ASCII that JSON never has to escape; a rule allows no other.
        limit: how many bytes a message may have, decompressed.
    """
    name = event_name.encode("ascii")
    packed_key = _PACKED_KEY.encode("ascii")
    telling_escape = _escapes_of(event_name + _PACKED_KEY + _OF_ESCAPES)

    def may_match(value: bytes | bytearray | None) -> bool:
        if not value:
            return False
        if find(value, name) >= 0:
            return True
        if value[0] in _FIRST_OF_PACKED and value.startswith(_PACKED_STARTS):
            text = _unpacked(bytes(value), limit)
            return text is None or (not text.startswith(_PACKED_STARTS) and may_match(text))
        backslash = value.find(b"\\")  # most messages have none, and one byte is found four times as fast as several
        escape = find(value, _ESCAPE, backslash) if backslash >= 0 else -1
        # A line's end is found four times as fast as the key, which pays where there is much to search.
        is_file = len(value) > _LONG and value.startswith(records_file.USUAL_START) and b"\n" not in value
        if (escape >= 0 and telling_escape.search(value, escape)) or (
            not is_file
            and find(value, packed_key) >= 0
            and not (value.startswith(cloudtrail.USUAL_START) and b"\n" not in value)
        ):
            return _names_event(bytes(value), event_name, limit)
        return False

    return may_match


@cache
def finder(event_name: str) -> Callable[[bytes | bytearray | memoryview, int, int], list[int]]:
    """Return the search for marks in many messages that lie together in one piece of memory.

    It gives every place between two others where a mark begins, in order: a message that holds none of them is one that
    ``matcher`` would drop; one that holds some is to be looked at by itself.
    """
    name = event_name.encode("ascii")
    packed_key = _PACKED_KEY.encode("ascii")
    telling_escape = _escapes_of(event_name + _PACKED_KEY + _OF_ESCAPES)

    def places(piece: bytes | bytearray | memoryview, start: int, end: int) -> list[int]:
        found = [*_all(name, piece, start, end), *_all(packed_key, piece, start, end)]
        # Every start of packed bytes holds one of these, and text neither.
        for telling, packed in ((b"\x1f", _PACKED_STARTS[:1]), (b"\xff", _PACKED_STARTS[1:])):
            if find(piece, telling, start, end) >= 0:
                found += [place for mark in packed for place in _all(mark, piece, start, end)]
        backslash = find(piece, b"\\", start, end)  # as above
        escape = find(piece, _ESCAPE, backslash, end) if backslash >= 0 else -1
        if escape >= 0:
            found += [match.start() for match in telling_escape.finditer(piece, escape, end)]
        return sorted(found)

    return places


def _all(mark: bytes, piece: bytes | bytearray | memoryview, start: int, end: int) -> Iterator[int]:
    # stringzilla searches by vector instructions: six times as fast in a message, twelve times in a large piece.
    place = find(piece, mark, start, end)
    while place >= 0:
        yield place
        place = find(piece, mark, place + 1, end)


def _escapes_of(characters: str) -> re.Pattern[bytes]:
    codes = "|".join(sorted({f"{ord(character):02x}" for character in characters}))
    return re.compile(rf"\\u00(?i:{codes})".encode("ascii"))


def _unpacked(value: bytes, limit: int) -> bytes | None:
    try:
        return to_utf8(gzipped.inflate(value, limit) if value.startswith(gzipped.MAGIC) else value)
    except (gzipped.CorruptGzipError, gzipped.TooLargeError, NotTextError):
        return None


def _names_event(value: bytes, event_name: str, limit: int) -> bool:
    for item in read(value, limit):
        if isinstance(item, Record):
            if item.fields.get("eventName") == event_name:
                return True
        elif not isinstance(item, Notice):
            return True
    return False
