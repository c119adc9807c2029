"""The bytes that are marks, other than a rule's literals: escapes, compressed values, keys with base64, and root.

What a mark is, and why, is in ``prefilter``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from streams.content import compression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Buffer = bytes | bytearray | memoryview

# The byte order marks of UTF-16 and UTF-32; no JSON starts like this.
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
PACKED_STARTS = (*compression.STARTS, *_OTHER_ENCODINGS)
FIRST_OF_PACKED = frozenset(start[0] for start in PACKED_STARTS)
# The first byte of a message: JSON, blanks before it, a byte order mark, Confluent's prefix, or compressed bytes.
_FIRST_BYTES = frozenset(b'{["\x1e \t\r\n\0\xef').union(FIRST_OF_PACKED)
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
AWSLOGS = "awslogs"
# Base64 under "value" is read only in a document with one of these keys. "value" itself is frequent in CloudTrail.
BESIDE_VALUE = ("records", "topic")
_WHATEVER_FOLLOWS = frozenset(key.encode("ascii") for key in (AWSLOGS, *BESIDE_VALUE))

# The type of root's identity. A search for it also finds an event's name that ends with it, such as AssumeRoot.
ROOT = b"Root"
# What is around it. In the text form of a Java map, the characters before and behind it may be escapes.
OF_ROOT = (
    rb'(?:(?:(?<="Root)|(?<=u0022Root))\\*+(?:"|u0022)'
    rb"|(?:(?<==Root)|(?<=u003[dD]Root))[,}\\])"
)

# The parts of keys that are searched for: those that are rare in CloudTrail, short ones with the quote or backslash
# behind them. The parts decide the speed: measure before changing them (docs/decisions.md 6).
_LONG_PARTS = (b"payload", b"base64", b"wslogs")
PARTS_OF_KEYS = (*_LONG_PARTS, b"ytesValue", b'ata"', b"ata\\", b'ords"', b"ords\\", b'opic"', b"opic\\")
PARTS_WITH_VALUE = (*_LONG_PARTS, b'ata"', b"ata\\", b'lue"', b"lue\\")
# Patterns of two bytes make an automaton twice as slow for all others, so they have their own automaton. The long ones
# include gzip's start with three bytes, because the automaton is slower without it.
SHORT_STARTS = tuple(start for start in PACKED_STARTS if len(start) == 2)  # noqa: PLR2004  see above
LONG_STARTS = (*(start for start in PACKED_STARTS if len(start) > 2), b"\x1f\x8b\x08")  # noqa: PLR2004  see above
# A buffer is searched in parts of this many bytes, so that a flood of false marks takes little memory.
PART = 1024 * 1024


class MarkSearch:
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
        patterns = (*alone, *parts) if root is None else (*alone, ROOT, *parts)
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
        for part in range(start, end, PART):
            found = self._automaton.find_matches_as_indexes(view[part : min(part + PART + self._longest, end)])
            for pattern, at, after in found:
                if at < PART and (pattern < self._alone or self._holds(pattern, piece, part + after, end)):
                    yield part + at

    def has_key(self, text: bytes | bytearray) -> bool:
        """Whether a text holds a key with what must follow it; other marks do not count."""
        view = memoryview(text)
        return any(
            pattern >= self._first_part and self._is_key(pattern - self._first_part, text, part + after, len(text))
            for part in range(0, len(text), PART)
            for pattern, _, after in self._automaton.find_matches_as_indexes(view[part : part + PART + self._longest])
        )

    def matches(self, text: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
        """Give what is found in a text, mark or not: the pattern's number, and where it begins and ends."""
        view = memoryview(text)
        for part in range(0, len(text), PART):
            for pattern, at, after in self._automaton.find_matches_as_indexes(view[part : part + PART + self._longest]):
                yield pattern, part + at, part + after

    def is_key(self, pattern: int, text: bytes | bytearray, after: int) -> bool:
        """Whether what was found up to ``after`` is part of a key, with what must follow it."""
        return pattern >= self._first_part and self._is_key(pattern - self._first_part, text, after, len(text))

    def is_root(self, pattern: int, text: bytes | bytearray, after: int) -> bool:
        """Whether what was found up to ``after`` is ``Root``, with what must be around it."""
        return self._alone <= pattern < self._first_part and self._is_root(text, after, len(text))

    def _holds(self, pattern: int, piece: Buffer, after: int, end: int) -> bool:
        if pattern >= self._first_part:
            return self._is_key(pattern - self._first_part, piece, after, end)
        return self._is_root(piece, after, end)

    def _is_key(self, number: int, piece: Buffer, after: int, end: int) -> bool:
        return _is_marked(piece, self._keys[number], after - self._quotes[number], end)

    def _is_root(self, piece: Buffer, after: int, end: int) -> bool:
        return self._root is not None and self._root.match(piece, after - len(ROOT), end) is not None


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


def can_hide(patterns: Iterable[bytes], literals: Iterable[bytes]) -> bool:
    """Whether one of the patterns, found but no mark, can lie over the beginning of one of the literals.

    In one pass such a literal would be lost: the search goes on behind what it found.
    """
    ends = [pattern[start:] for pattern in patterns for start in range(1, len(pattern))]
    return any(literal.startswith(end) or end.startswith(literal) for literal in literals for end in ends)
