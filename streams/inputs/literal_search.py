r"""The search for a set of literals in bytes, and for the escapes that can hide them.

A literal is a run of letters, digits, ``.``, ``_`` and ``-`` with a letter in it. JSON writes such text as it is, or
with escapes ``\u00XX``. What a search costs has an upper bound, whatever the number of literals (docs/decisions.md 6).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind
from stringzilla import find

from streams.inputs.byte_marks import LONG_STARTS, PART, Buffer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ESCAPE = b"\\u00"
"""The beginning of every escape that counts."""

# Escapes of a letter, a digit, "\", "/", ":" or "_", and of a few characters beside the letters that no writer escapes.
_OF_LETTERS = rb"[4567][0-9a-fA-F]|3[0-9aA]|2[fF]"
_TELLING_ESCAPE = re.compile(rb"\\u00(?:%b)" % _OF_LETTERS)
_TELLING_ESCAPE_OR_SIGN = re.compile(rb"\\u00(?:%b|2[dDeE])" % _OF_LETTERS)

# One letter is in nearly every message.
_SEARCHABLE = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9._-]{2,}")
# Up to 64 patterns are searched for with vector instructions. The starts of compressed values are six of them: without
# them, the automaton of a few literals is up to ten times as slow.
_MOST_TOGETHER = 64 - len(LONG_STARTS)
# Beyond, each automaton costs 120 ns per kB, and one automaton without vector instructions 1,450 ns for any number.
_MOST_AUTOMATA = 11


def searchable(literals: frozenset[str] | None) -> frozenset[bytes] | None:
    """The literals to search for, without those that hold another one; ``None`` if every message has to pass.

    That is so if there is no set, or if a literal has one letter only, or characters that JSON writers may escape.
    """
    if literals is None or not all(map(_SEARCHABLE.fullmatch, literals)):
        return None
    shortest: set[str] = set()
    for literal in sorted(literals, key=len):
        if not any(
            literal[start:end] in shortest
            for start in range(len(literal))
            for end in range(start + 2, len(literal) + 1)
        ):
            shortest.add(literal)
    return frozenset(literal.encode("ascii") for literal in shortest)


class LiteralSearch:
    """The search for any of the literals."""

    def __init__(self, literals: Collection[bytes]) -> None:
        """Prepare the search for these literals."""
        ordered = sorted(literals)
        self.only = ordered[0] if len(ordered) == 1 else None
        """The literal, if there is one only."""
        self._longest = max(map(len, (*ordered, *LONG_STARTS)))
        parts = -(-len(ordered) // _MOST_TOGETHER)
        if parts > _MOST_AUTOMATA:
            self._automata = [(len(ordered), _automaton(ordered, Implementation.DFA))]
        else:
            chunks = (ordered[part::parts] for part in range(parts))
            self._automata = [(len(chunk), _automaton([*chunk, *LONG_STARTS])) for chunk in chunks]

    def positions(self, piece: Buffer, start: int, end: int) -> Iterator[int]:
        """Give positions of literals from ``start`` to ``end``: of each that does not overlap with one before it."""
        view = memoryview(piece)
        for count, automaton in self._automata:
            for part in range(start, end, PART):
                for literal, at, _ in automaton.find_matches_as_indexes(
                    view[part : min(part + PART + self._longest, end)]
                ):
                    if literal < count and at < PART:
                        yield part + at

    def is_in(self, text: Buffer) -> bool:
        """Whether a text holds a literal."""
        if self.only is not None:
            return bool(find(text, self.only) >= 0)
        if len(text) > PART:
            return next(self.positions(text, 0, len(text)), None) is not None
        # A generator would take as long as the search of a single record.
        for count, automaton in self._automata:
            for literal, _, _ in automaton.find_matches_as_indexes(text):
                if literal < count:
                    return True
        return False


def _automaton(patterns: list[bytes], implementation: Implementation | None = None) -> BytesAhoCorasick:
    return BytesAhoCorasick(patterns, matchkind=MatchKind.LeftmostFirst, implementation=implementation)


class EscapeSearch:
    """The search for escapes that may hide a literal, a key with base64, or another escape."""

    def __init__(self, literals: Collection[bytes]) -> None:
        """Prepare the search; escapes of ``.`` and ``-`` count only if a literal has one of them."""
        has_sign = any(b"." in literal or b"-" in literal for literal in literals)
        self._telling = _TELLING_ESCAPE_OR_SIGN if has_sign else _TELLING_ESCAPE

    def first(self, piece: Buffer, start: int, end: int) -> int | None:
        """The position of the first such escape from ``start`` to ``end``."""
        # Most messages have no backslash, and one byte is found four times as fast as several bytes.
        backslash = find(piece, b"\\", start, end)
        escape = find(piece, ESCAPE, backslash, end) if backslash >= 0 else -1
        telling = self._telling.search(piece, escape, end) if escape >= 0 else None
        return None if telling is None else telling.start()

    def positions(self, piece: Buffer, start: int, end: int) -> Iterator[int]:
        """Give the position of every such escape from ``start`` to ``end``, in order."""
        first = self.first(piece, start, end)
        if first is not None:
            for match in self._telling.finditer(piece, first, end):
                yield match.start()
