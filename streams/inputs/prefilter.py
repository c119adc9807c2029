r"""The fetch filter's byte test: which messages cannot hold the rule's event, decided without reading them.

It is exact in one direction: what it drops holds no record that names the event, in no shape. The argument:

- The event's name is ASCII that JSON writes as it is, or as escapes ``\u00XX`` of its characters. If the name's bytes
  are not there, at least one of its characters is escaped.
- In JSON inside a JSON string the escape's own characters (``\``, ``u`` and hexadecimal digits) may be escaped in turn.
  So some escape in the bytes as they are is of a letter, a digit or ``\``. Others, such as ``\u0026``, ``\u003c`` or
  ``\u0022``, which many writers use for ``&``, ``<`` and quotes, prove nothing.
- Compressed values, and text whose byte order mark announces UTF-16 or UTF-32, are unpacked and tested again.
- Base64 hides the name. It is read under a few keys only (``BASE64_KEYS``). What it carries begins with one of a few
  bytes, and these decide its first two characters. So a key with such a value is a mark. ``awslogs`` as a key is one
  whatever it holds, because nobody else uses it. Letters, digits, ``:``, ``/`` and ``_`` may be escaped like the name;
  quotes and blanks are known in every form that they have inside a string.

Bytes with only such a mark take the slow way: they are really read, and dropped if no record in them names the event
and nothing in them is unreadable. Where many messages lie together in one piece of memory, ``compile_finder`` clears
those that hold no mark, by the same argument.

Aho-Corasick automata with vector instructions find all but the escapes in two passes (docs/decisions.md 6).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, MatchKind
from stringzilla import find

from streams.content import compression
from streams.content.compression import SizeBudget
from streams.content.encoding import NotTextError, to_utf8
from streams.extraction.record import PassedOver, Record
from streams.inputs.envelopes.carried import BASE64_KEYS
from streams.inputs.message_reader import read, read_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streams.inputs.read_context import Item

Buffer = bytes | bytearray | memoryview

_ESCAPE = b"\\u00"
# Of a letter, a digit, "\", "/", ":" or "_", and of some characters beside the letters, which nobody escapes.
_TELLING_ESCAPE = re.compile(rb"\\u00(?:[4567][0-9a-fA-F]|3[0-9aA]|2[fF])")

# The byte order marks of UTF-16 and UTF-32; no JSON starts so.
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_PACKED_STARTS = (*compression.STARTS, *_OTHER_ENCODINGS)
_FIRST_OF_PACKED = frozenset(start[0] for start in _PACKED_STARTS)
# What a message begins with: JSON, blanks before it, a byte order mark, Confluent's prefix, or compressed bytes.
_FIRST_BYTES = frozenset(b'{["\x1e \t\r\n\0\xef').union(_FIRST_OF_PACKED)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The first two characters of base64 tell the first byte and half of the second; a slash may follow a backslash.
_BASE64_STARTS = frozenset(
    bytes((_BASE64[first >> 2], _BASE64[(first & 3) << 4 | half])) for first in _FIRST_BYTES for half in range(16)
) | {b"\\/"}

# Inside a string a quote is written ``\"`` or ``\u0022``, a blank also ``\n`` or ``\u000a``, and a slash also ``\/``,
# each with more backslashes inside a string in a string.
_QUOTE = rb'(?:\\*+"|\\++u0022)'
_BLANKS = rb"(?:[ \t\r\n]|\\++(?:[trn]|u00(?:20|09|0[aAdD])))*+"
_COLON = re.compile(_QUOTE + _BLANKS + rb":")
_BEFORE_TEXT = re.compile(_COLON.pattern + _BLANKS + _QUOTE + _BLANKS)
# A record takes more than 30 bytes, compressed or not; words are no longer.
_MUCH_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]|\\++(?:/|u00(?:2[bBfF]|3[dD]))){40}|H4sI")

# Keys that are marks whatever they hold, because hardly anything in CloudTrail is called so.
_AWSLOGS = "awslogs"
# Base64 under "value" is read in a document with one of these only; and "value" itself is frequent in CloudTrail.
_BESIDE_VALUE = ("records", "topic")
_WHATEVER_FOLLOWS = frozenset(key.encode("ascii") for key in (_AWSLOGS, *_BESIDE_VALUE))

# What is searched for in place of the keys: the part that is rare in CloudTrail, of the short ones with the quote or
# backslash behind it. The parts decide the speed: measure before changing them (docs/decisions.md 6).
_LONG_PARTS = (b"payload", b"base64", b"wslogs")
_PARTS_OF_KEYS = (*_LONG_PARTS, b"ytesValue", b'ata"', b"ata\\", b'ords"', b"ords\\", b'opic"', b"opic\\")
_PARTS_WITH_VALUE = (*_LONG_PARTS, b'ata"', b"ata\\", b'lue"', b"lue\\")
# Patterns of two bytes make an automaton twice as slow for all others, so they have one of their own. With the long
# ones goes a start of three bytes, gzip's, because without it the automaton is slower.
_SHORT_STARTS = tuple(start for start in _PACKED_STARTS if len(start) == 2)  # noqa: PLR2004  see above
_LONG_STARTS = (*(start for start in _PACKED_STARTS if len(start) > 2), b"\x1f\x8b\x08")  # noqa: PLR2004  see above
# A piece is searched part by part, so that a flood of false marks takes no memory worth mentioning.
_PART = 1024 * 1024


class _MarkSearch:
    """What one pass over bytes finds: marks that are ones by themselves, and keys with what must follow them."""

    def __init__(self, alone: Sequence[bytes], parts: Sequence[bytes] = (), keys: Iterable[str] = ()) -> None:
        """Search for marks, and for keys by parts of them."""
        patterns = (*alone, *parts)
        self._first_part = len(alone)
        self._quotes = [len(part) - len(part.rstrip(b'"\\')) for part in parts]
        names = [key.encode("ascii") for key in keys]
        self._keys = [[key for key in names if key.endswith(part.rstrip(b'"\\'))] for part in parts]
        self._longest = max(map(len, patterns))
        self._automaton = BytesAhoCorasick(patterns, matchkind=MatchKind.LeftmostFirst)

    def positions(self, piece: Buffer, start: int, end: int) -> Iterator[int]:
        """Every place between two others where a mark begins, in order."""
        view = memoryview(piece)
        for part in range(start, end, _PART):
            found = self._automaton.find_matches_as_indexes(view[part : min(part + _PART + self._longest, end)])
            for pattern, at, after in found:
                number = pattern - self._first_part
                if at < _PART and (number < 0 or self._is_key(number, piece, part + after, end)):
                    yield part + at

    def has_key(self, text: bytes | bytearray) -> bool:
        """Whether a text holds a key with what must follow it, whatever other marks it holds."""
        view = memoryview(text)
        return any(
            pattern >= self._first_part and self._is_key(pattern - self._first_part, text, part + after, len(text))
            for part in range(0, len(text), _PART)
            for pattern, _, after in self._automaton.find_matches_as_indexes(view[part : part + _PART + self._longest])
        )

    def _is_key(self, number: int, piece: Buffer, after: int, end: int) -> bool:
        return _is_marked(piece, self._keys[number], after - self._quotes[number], end)


def _is_marked(piece: Buffer, keys: Iterable[bytes], quote: int, end: int) -> bool:
    """Whether one of the keys ends before this quote, or the backslash before it, and what it must have follows."""
    for key in keys:
        start = quote - len(key)
        # The quote before it may be written as an escape, with a 2 at its end.
        if start > 0 and piece[start - 1] in b'"2' and piece[start:quote] == key:
            if key in _WHATEVER_FOLLOWS:
                return _COLON.match(piece, quote, end) is not None
            before = _BEFORE_TEXT.match(piece, quote, end)
            text = end if before is None else before.end()
            return bytes(piece[text : text + 2]) in _BASE64_STARTS and _MUCH_BASE64.match(piece, text, end) is not None
    return False


@cache
def compile_matcher(event_name: str, limit: int) -> Callable[[bytes | bytearray | None], bool]:
    """Return the test for a rule's event name: whether a message may hold a record that names it.

    Args:
        event_name: ASCII that JSON never has to escape; a rule allows no other.
        limit: how many bytes a message may have, decompressed.
    """
    name = event_name.encode("ascii")
    # The starts count for nothing here, but the automaton is several times as slow without them (docs/decisions.md 6).
    marks = _MarkSearch((name, *_LONG_STARTS), _PARTS_WITH_VALUE, (_AWSLOGS, *BASE64_KEYS))

    def may_match(value: bytes | bytearray | None) -> bool:
        if not value:
            return False
        if find(value, name) >= 0:
            return True
        if value[0] in _FIRST_OF_PACKED and value.startswith(_PACKED_STARTS):
            return packed_may_match(bytes(value))
        return is_marked(value) and _names_event(read(bytes(value), limit), event_name)

    def packed_may_match(value: bytes) -> bool:
        budget = SizeBudget(limit)
        try:
            content = budget.unpack(value)
            text = to_utf8(content)
        except (compression.CorruptError, compression.TooLargeError, NotTextError):
            return True
        if find(text, name) >= 0:
            return True
        return is_marked(text) and _names_event(read_unpacked(content, value, budget), event_name)

    def is_marked(text: bytes | bytearray) -> bool:
        return _first_escape(text, 0, len(text)) is not None or marks.has_key(text)

    return may_match


@cache
def compile_finder(event_name: str) -> Callable[[Buffer, int, int], list[int]]:
    """Return the search for marks in many messages that lie together in one piece of memory.

    It gives every place between two others where a mark begins, in order: a message that holds none of them is one that
    ``compile_matcher`` would drop; one that holds some is to be looked at by itself.
    """
    keys = (_AWSLOGS, *_BESIDE_VALUE, *BASE64_KEYS)
    marks = _MarkSearch((event_name.encode("ascii"), *_LONG_STARTS), _PARTS_OF_KEYS, keys)
    starts = _MarkSearch(_SHORT_STARTS)

    def positions(piece: Buffer, start: int, end: int) -> list[int]:
        found = [*marks.positions(piece, start, end), *starts.positions(piece, start, end)]
        escape = _first_escape(piece, start, end)
        if escape is not None:
            found += (match.start() for match in _TELLING_ESCAPE.finditer(piece, escape, end))
        return sorted(found)

    return positions


def _first_escape(piece: Buffer, start: int, end: int) -> int | None:
    # Most messages have no backslash, and one byte is found four times as fast as several.
    backslash = find(piece, b"\\", start, end)
    escape = find(piece, _ESCAPE, backslash, end) if backslash >= 0 else -1
    telling = _TELLING_ESCAPE.search(piece, escape, end) if escape >= 0 else None
    return None if telling is None else telling.start()


def _names_event(items: Iterable[Item], event_name: str) -> bool:
    for item in items:
        if isinstance(item, Record):
            if item.fields.get("eventName") == event_name:
                return True
        elif not isinstance(item, PassedOver):
            return True
    return False
