r"""The fetch filter's byte test: find the messages that cannot hold the rule's event, without parsing them.

It never drops a message with a record that names the event, in any shape. If sessions are followed, it never drops a
message with a record of root either (S1). A *mark* is bytes that such a message must hold: the name, or what can hide
it. The argument:

- The event's name is ASCII. JSON writes each character as it is or as an escape ``\u00XX``. If the name is not in the
  bytes, at least one of its characters is escaped.
- In JSON inside a JSON string, the characters of the escape (``\``, ``u`` and hexadecimal digits) may be escaped too.
  So the bytes hold an escape of a letter, a digit or ``\``. Other escapes, such as ``\u0026``, ``\u003c`` or
  ``\u0022``, which many writers use for ``&``, ``<`` and quotes, are not marks.
- A record of root has the text ``Root`` as the type of its identity. Quotes are around it, in every form that they have
  inside a string. In the text form of a Java map, ``=`` stands before it, and ``,`` or ``}`` behind it. ``Root``
  without these, such as the end of a user's name, is no mark.
- Compressed values, and text with the byte order mark of UTF-16 or UTF-32, are unpacked and tested again.
- Base64 hides the name. It is read under a few keys only (``BASE64_KEYS``). Its content begins with one of a few
  bytes, which decide its first two characters. So a key with such a value is a mark. The key ``awslogs`` is a mark
  with any value, because nothing else uses it. Letters, digits, ``:``, ``/`` and ``_`` may be escaped like the name;
  quotes and blanks are matched in every form that they have inside a string.

A message with a mark other than the name or ``Root`` is parsed. It is dropped if no record in it names the event or is
of root, and nothing in it is unreadable. If many messages are in one buffer, ``compile_finder`` finds those without a
mark by the same argument.

Aho-Corasick automata with vector instructions find every mark but the escapes in two passes (docs/decisions.md 6).
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
from streams.fields.lookup import text_at
from streams.inputs.envelopes.carried import BASE64_KEYS
from streams.inputs.message_reader import UnpackedMessage, read, read_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streams.inputs.read_context import Item

Buffer = bytes | bytearray | memoryview

_ESCAPE = b"\\u00"
# Escapes of a letter, a digit, "\", "/", ":" or "_", and of a few characters beside the letters that no writer escapes.
_TELLING_ESCAPE = re.compile(rb"\\u00(?:[4567][0-9a-fA-F]|3[0-9aA]|2[fF])")

# The byte order marks of UTF-16 and UTF-32; no JSON starts like this.
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_PACKED_STARTS = (*compression.STARTS, *_OTHER_ENCODINGS)
_FIRST_OF_PACKED = frozenset(start[0] for start in _PACKED_STARTS)
# The first byte of a message: JSON, blanks before it, a byte order mark, Confluent's prefix, or compressed bytes.
_FIRST_BYTES = frozenset(b'{["\x1e \t\r\n\0\xef').union(_FIRST_OF_PACKED)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The first two characters of base64 hold the first byte and half of the second; a slash may follow a backslash.
_BASE64_STARTS = frozenset(
    bytes((_BASE64[first >> 2], _BASE64[(first & 3) << 4 | half])) for first in _FIRST_BYTES for half in range(16)
) | {b"\\/"}

# Inside a string, a quote is ``\"`` or ``\u0022``, a blank also ``\n`` or ``\u000a``, and a slash also ``\/``. A string
# inside a string has more backslashes.
_QUOTE = rb'(?:\\*+"|\\++u0022)'
_BLANKS = rb"(?:[ \t\r\n]|\\++(?:[trn]|u00(?:20|09|0[aAdD])))*+"
_COLON = re.compile(_QUOTE + _BLANKS + rb":")
_BEFORE_TEXT = re.compile(_COLON.pattern + _BLANKS + _QUOTE + _BLANKS)
# A record has more than 30 bytes, compressed or not. Words are shorter than its base64.
_MUCH_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]|\\++(?:/|u00(?:2[bBfF]|3[dD]))){40}|H4sI")

# Keys that are marks with any value, because they are rare in CloudTrail.
_AWSLOGS = "awslogs"
# Base64 under "value" is read only in a document with one of these keys. "value" itself is frequent in CloudTrail.
_BESIDE_VALUE = ("records", "topic")
_WHATEVER_FOLLOWS = frozenset(key.encode("ascii") for key in (_AWSLOGS, *_BESIDE_VALUE))

# The type of root's identity. A search for it also finds an event's name that ends with it, such as AssumeRoot.
_ROOT = b"Root"
# What is around it. In the text form of a Java map, the characters before and behind it may be escapes.
_OF_ROOT = (
    rb'(?:(?:(?<="Root)|(?<=u0022Root))\\*+(?:"|u0022)'
    rb"|(?:(?<==Root)|(?<=u003[dD]Root))[,}\\])"
)

# The parts of keys that are searched for: those that are rare in CloudTrail, short ones with the quote or backslash
# behind them. The parts decide the speed: measure before changing them (docs/decisions.md 6).
_LONG_PARTS = (b"payload", b"base64", b"wslogs")
_PARTS_OF_KEYS = (*_LONG_PARTS, b"ytesValue", b'ata"', b"ata\\", b'ords"', b"ords\\", b'opic"', b"opic\\")
_PARTS_WITH_VALUE = (*_LONG_PARTS, b'ata"', b"ata\\", b'lue"', b"lue\\")
# Patterns of two bytes make an automaton twice as slow for all others, so they have their own automaton. The long ones
# include gzip's start with three bytes, because the automaton is slower without it.
_SHORT_STARTS = tuple(start for start in _PACKED_STARTS if len(start) == 2)  # noqa: PLR2004  see above
_LONG_STARTS = (*(start for start in _PACKED_STARTS if len(start) > 2), b"\x1f\x8b\x08")  # noqa: PLR2004  see above
# A buffer is searched in parts of this many bytes, so that a flood of false marks takes little memory.
_PART = 1024 * 1024


class _MarkSearch:
    """A search for marks in one pass over bytes.

    Args:
        alone: patterns that are marks by themselves.
        parts: parts of the keys, by which the keys are found.
        keys: keys that are marks together with what must follow them.
        root: what makes ``Root`` a mark; ``None`` if it is none.
    """

    def __init__(
        self,
        alone: Sequence[bytes],
        parts: Sequence[bytes] = (),
        keys: Iterable[str] = (),
        root: re.Pattern[bytes] | None = None,
    ) -> None:
        patterns = (*alone, *parts) if root is None else (*alone, _ROOT, *parts)
        self._root = root
        self._first_part = len(patterns) - len(parts)
        self._alone = len(alone)
        self._quotes = [len(part) - len(part.rstrip(b'"\\')) for part in parts]
        names = [key.encode("ascii") for key in keys]
        self._keys = [[key for key in names if key.endswith(part.rstrip(b'"\\'))] for part in parts]
        self._longest = max(map(len, patterns))
        self._automaton = BytesAhoCorasick(patterns, matchkind=MatchKind.LeftmostFirst)

    def positions(self, piece: Buffer, start: int, end: int) -> Iterator[int]:
        """Give every position from ``start`` to ``end`` where a mark begins, in order."""
        view = memoryview(piece)
        for part in range(start, end, _PART):
            found = self._automaton.find_matches_as_indexes(view[part : min(part + _PART + self._longest, end)])
            for pattern, at, after in found:
                if at < _PART and (pattern < self._alone or self._holds(pattern, piece, part + after, end)):
                    yield part + at

    def has_key(self, text: bytes | bytearray) -> bool:
        """Whether a text holds a key with what must follow it; other marks do not count."""
        view = memoryview(text)
        return any(
            pattern >= self._first_part and self._is_key(pattern - self._first_part, text, part + after, len(text))
            for part in range(0, len(text), _PART)
            for pattern, _, after in self._automaton.find_matches_as_indexes(view[part : part + _PART + self._longest])
        )

    def _holds(self, pattern: int, piece: Buffer, after: int, end: int) -> bool:
        if pattern >= self._first_part:
            return self._is_key(pattern - self._first_part, piece, after, end)
        return self._root is not None and self._root.match(piece, after - len(_ROOT), end) is not None

    def _is_key(self, number: int, piece: Buffer, after: int, end: int) -> bool:
        return _is_marked(piece, self._keys[number], after - self._quotes[number], end)


def _is_marked(piece: Buffer, keys: Iterable[bytes], quote: int, end: int) -> bool:
    """Whether one of the keys ends before this quote, or the backslash before it, and its condition holds behind it."""
    for key in keys:
        start = quote - len(key)
        # The quote before the key may be an escape that ends with 2.
        if start > 0 and piece[start - 1] in b'"2' and piece[start:quote] == key:
            if key in _WHATEVER_FOLLOWS:
                return _COLON.match(piece, quote, end) is not None
            before = _BEFORE_TEXT.match(piece, quote, end)
            text = end if before is None else before.end()
            return bytes(piece[text : text + 2]) in _BASE64_STARTS and _MUCH_BASE64.match(piece, text, end) is not None
    return False


@cache
def compile_matcher(
    event_name: str, limit: int, *, follow_sessions: bool = False
) -> Callable[[bytes | bytearray | None], bool]:
    """Return the test whether a message may hold a record that names the event.

    Args:
        event_name: ASCII that JSON never has to escape; a rule allows no other name.
        limit: the bound of a message in bytes, decompressed.
        follow_sessions: whether a message that may hold a record of root passes too.
    """
    select = compile_selector(event_name, limit, follow_sessions=follow_sessions)
    return lambda value: select(value) is not None


@cache
def compile_selector(
    event_name: str, limit: int, *, follow_sessions: bool = False
) -> Callable[[bytes | bytearray | None], bytes | bytearray | None]:
    """Return the filter of one message: it returns the message if it may match, else ``None``.

    Arguments and test are those of ``compile_matcher``. A compressed message that may match is returned as an
    ``UnpackedMessage``, so that it is not decompressed again.
    """
    return _Selector(event_name, limit, follow_sessions=follow_sessions).select


class _Selector:
    """The filter of one message."""

    def __init__(self, event_name: str, limit: int, *, follow_sessions: bool) -> None:
        self._event_name = event_name
        self._name = event_name.encode("ascii")
        self._limit = limit
        self._root = re.compile(_ROOT + _OF_ROOT) if follow_sessions else None
        # The name and the starts have no effect here, but the automaton is several times as slow without them
        # (docs/decisions.md 6).
        self._marks = _MarkSearch((self._name, *_LONG_STARTS), _PARTS_WITH_VALUE, (_AWSLOGS, *BASE64_KEYS))

    def select(self, value: bytes | bytearray | None) -> bytes | bytearray | None:
        """Return the message if it may match."""
        if not value:
            return None
        if self._has_plain_mark(value):
            return value
        if value[0] in _FIRST_OF_PACKED and value.startswith(_PACKED_STARTS):
            return self._select_packed(bytes(value))
        if _first_escape(value, 0, len(value)) is None and not self._marks.has_key(value):  # fast: no further call
            return None
        return value if self._holds_record(read(bytes(value), self._limit)) else None

    def _select_packed(self, value: bytes) -> bytes | None:
        budget = SizeBudget(self._limit)
        try:
            content = budget.unpack(value)
            text = to_utf8(content)
        except (compression.CorruptError, compression.TooLargeError, NotTextError):
            return value
        if not self._has_plain_mark(text) and not (
            (_first_escape(text, 0, len(text)) is not None or self._marks.has_key(text))
            and self._holds_record(read_unpacked(content, value, budget))
        ):
            return None
        return UnpackedMessage.of(value, content) if budget.used else value

    def _has_plain_mark(self, text: bytes | bytearray) -> bool:
        if find(text, self._name) >= 0:
            return True
        if self._root is None:
            return False
        # A search by the pattern would take three times as long in a whole log file.
        at: int = find(text, _ROOT)
        while at >= 0 and self._root.match(text, at) is None:
            at = find(text, _ROOT, at + len(_ROOT))
        return at >= 0

    def _holds_record(self, items: Iterable[Item]) -> bool:
        """Whether a record is of interest, or something is unreadable."""
        for item in items:
            if isinstance(item, Record):
                if item.fields.get("eventName") == self._event_name:
                    return True
                if self._root is not None and text_at(item.fields, "userIdentity", "type") == "Root":
                    return True
            elif not isinstance(item, PassedOver):
                return True
        return False


@cache
def compile_finder(event_name: str, *, follow_sessions: bool = False) -> Callable[[Buffer, int, int], list[int]]:
    """Return the search for marks in a buffer that holds many messages.

    The search takes the buffer, a start and an end. It returns every position in between where a mark is, in order. The
    matcher with the same arguments would drop a message without a mark; a message with a mark has to be tested by
    itself.
    """
    name = event_name.encode("ascii")
    keys = (_AWSLOGS, *_BESIDE_VALUE, *BASE64_KEYS)
    if not follow_sessions:
        marks = _MarkSearch((name, *_LONG_STARTS), _PARTS_OF_KEYS, keys)
    elif name.endswith(_ROOT):
        either = re.compile(rb"%b(?:(?<=%b)|%b)" % (_ROOT, re.escape(name), _OF_ROOT))
        marks = _MarkSearch(_LONG_STARTS, _PARTS_OF_KEYS, keys, either)
    else:
        marks = _MarkSearch((name, *_LONG_STARTS), _PARTS_OF_KEYS, keys, re.compile(_ROOT + _OF_ROOT))
    starts = _MarkSearch(_SHORT_STARTS)

    def positions(piece: Buffer, start: int, end: int) -> list[int]:
        found = [*marks.positions(piece, start, end), *starts.positions(piece, start, end)]
        escape = _first_escape(piece, start, end)
        if escape is not None:
            found += (match.start() for match in _TELLING_ESCAPE.finditer(piece, escape, end))
        return sorted(found)

    return positions


def _first_escape(piece: Buffer, start: int, end: int) -> int | None:
    # Most messages have no backslash, and one byte is found four times as fast as several bytes.
    backslash = find(piece, b"\\", start, end)
    escape = find(piece, _ESCAPE, backslash, end) if backslash >= 0 else -1
    telling = _TELLING_ESCAPE.search(piece, escape, end) if escape >= 0 else None
    return None if telling is None else telling.start()
