r"""The fetch filter's byte test: find the messages that cannot hold a record of any rule, without parsing them.

Each record that a rule takes has one of the rule's *literals* in one of its texts, such as the event's name. The filter
never drops a message with a record that has a literal of the set, in any shape. If sessions are followed, it never
drops a message with a record of root either (S1). A *mark* is bytes that such a message must hold: a literal, or what
can hide it. The argument:

- A literal is a run of ASCII letters, digits, ``.``, ``_`` and ``-``. JSON writes each character as it is or as an
  escape ``\u00XX``. If no literal is in the bytes, at least one of its characters is escaped.
- In JSON inside a JSON string, the characters of the escape (``\``, ``u`` and hexadecimal digits) may be escaped too.
  So the bytes hold an escape of a letter, a digit, ``\``, or another character of a literal. Other escapes, such as
  ``\u0026``, ``\u003c`` or ``\u0022``, which many writers use for ``&``, ``<`` and quotes, are not marks.
- A record of root has the text ``Root`` as the type of its identity. Quotes are around it, in every form that they have
  inside a string. In the text form of a Java map, ``=`` stands before it, and ``,`` or ``}`` behind it. ``Root``
  without these, such as the end of a user's name, is no mark.
- Compressed values, and text with the byte order mark of UTF-16 or UTF-32, are unpacked and tested again.
- Base64 hides literals. It is read under a few keys only (``BASE64_KEYS``). Its content begins with one of a few
  bytes, which decide its first two characters. So a key with such a value is a mark. The key ``awslogs`` is a mark
  with any value, because nothing else uses it. Letters, digits, ``:``, ``/`` and ``_`` may be escaped as in literals;
  quotes and blanks are matched in every form that they have inside a string.

A message with a mark other than a literal or ``Root`` is parsed. It is dropped if no record in it has a literal or is
of root, and nothing in it is unreadable. If many messages are in one buffer, ``compile_finder`` finds those without a
mark by the same argument.

A literal counts wherever it is, in values and keys alike, because a set has literals of many fields. Aho-Corasick
automata with vector instructions find every mark but the escapes in two or three passes (docs/decisions.md 6).
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from stringzilla import find

from streams.content import compression, json_text
from streams.content.compression import SizeBudget
from streams.content.encoding import NotTextError, to_utf8
from streams.extraction.record import PassedOver, Record
from streams.fields.lookup import text_at
from streams.inputs.byte_marks import (
    AWSLOGS,
    BESIDE_VALUE,
    FIRST_OF_PACKED,
    LONG_STARTS,
    OF_ROOT,
    PACKED_STARTS,
    PARTS_OF_KEYS,
    PARTS_WITH_VALUE,
    ROOT,
    SHORT_STARTS,
    Buffer,
    MarkSearch,
    can_hide,
)
from streams.inputs.envelopes.carried import BASE64_KEYS
from streams.inputs.literal_search import EscapeSearch, LiteralSearch, searchable
from streams.inputs.message_reader import UnpackedMessage, read, read_unpacked
from streams.inputs.one_pass import LARGE, OnePass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streams.inputs.read_context import Item

# More literals than this are searched for in a pass of their own (docs/decisions.md 6).
_MOST_IN_ONE_PASS = 6


@cache
def compile_matcher(
    literals: frozenset[str] | None, limit: int, *, follow_sessions: bool = False
) -> Callable[[bytes | bytearray | None], bool]:
    """Return the test whether a message may hold a record with one of the literals in a text.

    Args:
        literals: runs of letters, digits, ``.``, ``_`` and ``-`` with a letter in each; if ``None``, every message with
            bytes in it passes. So it is with a literal of one character, because nearly every message has it.
        limit: the bound of a message in bytes, decompressed.
        follow_sessions: whether a message that may hold a record of root passes too.
    """
    select = compile_selector(literals, limit, follow_sessions=follow_sessions)
    return lambda value: select(value) is not None


@cache
def compile_selector(
    literals: frozenset[str] | None, limit: int, *, follow_sessions: bool = False
) -> Callable[[bytes | bytearray | None], bytes | bytearray | None]:
    """Return the filter of one message: it returns the message if it may match, else ``None``.

    Arguments and test are those of ``compile_matcher``. A compressed message that may match is returned as an
    ``UnpackedMessage``, so that it is not decompressed again.
    """
    searched = searchable(literals)
    if searched is None:
        return lambda value: value or None
    return _Selector(searched, limit, follow_sessions=follow_sessions).select


class _Selector:
    """The filter of one message."""

    def __init__(self, literals: frozenset[bytes], limit: int, *, follow_sessions: bool) -> None:
        self._literals = LiteralSearch(literals)
        self._only = self._literals.only
        self._first_escape = EscapeSearch(literals).first  # fast: one look-up less for each message
        self._limit = limit
        self._root = re.compile(ROOT + OF_ROOT) if follow_sessions else None
        # The first patterns have no effect here, but the automaton is several times as slow without them
        # (docs/decisions.md 6).
        self._marks = MarkSearch((b"AssumeRoot", *LONG_STARTS), PARTS_WITH_VALUE, (AWSLOGS, *BASE64_KEYS))
        self._one_pass = OnePass(literals, self._root)
        can_search = len(literals) <= _MOST_IN_ONE_PASS and not can_hide(self._one_pass.others, literals)
        self._large = LARGE if can_search else sys.maxsize

    def select(self, value: bytes | bytearray | None) -> bytes | bytearray | None:
        """Return the message if it may match."""
        if not value:
            return None
        is_large = len(value) >= self._large
        holds_mark = self._one_pass.holds_mark(value) if is_large else self._has_plain_mark(value)
        if holds_mark:
            return value
        if value[0] in FIRST_OF_PACKED and value.startswith(PACKED_STARTS):
            return self._select_packed(bytes(value))
        # fast: no further call for a small message
        if holds_mark is False and (
            is_large or (self._first_escape(value, 0, len(value)) is None and not self._marks.has_key(value))
        ):
            return None
        return value if self._holds_record(read(bytes(value), self._limit)) else None

    def _select_packed(self, value: bytes) -> bytes | None:
        budget = SizeBudget(self._limit)
        try:
            content = budget.unpack(value)
            text = to_utf8(content)
        except (compression.CorruptError, compression.TooLargeError, NotTextError):
            return value
        holds_mark = self._holds_mark(text)
        if holds_mark is False or (
            holds_mark is None and not self._holds_record(read_unpacked(content, value, budget))
        ):
            return None
        return UnpackedMessage.of(value, content) if budget.used else value

    def _holds_mark(self, text: bytes) -> bool | None:
        """Return as ``OnePass.holds_mark``."""
        if len(text) >= self._large:
            return self._one_pass.holds_mark(text)
        if self._has_plain_mark(text):
            return True
        return None if self._first_escape(text, 0, len(text)) is not None or self._marks.has_key(text) else False

    def _has_plain_mark(self, text: bytes | bytearray) -> bool:
        if find(text, self._only) >= 0 if self._only else self._literals.is_in(text):  # fast: no further call for one
            return True
        if self._root is None:
            return False
        # A search by the pattern would take three times as long in a whole log file.
        at: int = find(text, ROOT)
        while at >= 0 and self._root.match(text, at) is None:
            at = find(text, ROOT, at + len(ROOT))
        return at >= 0

    def _holds_record(self, items: Iterable[Item]) -> bool:
        """Whether a record is of interest, or something is unreadable."""
        for item in items:
            if isinstance(item, Record):
                # Queries read a document of Elastic itself, where a record has it, and not only what became of it.
                document: Iterable[Mapping[str, Any]] = getattr(item, "document", None) or ()
                if any(map(self._may_hold_literal, (item.fields, *document))):
                    return True
                if self._root is not None and text_at(item.fields, "userIdentity", "type") == "Root":
                    return True
            elif not isinstance(item, PassedOver):
                return True
        return False

    def _may_hold_literal(self, fields: Mapping[str, Any]) -> bool:
        """Whether a literal is in a text or key; text in a text is not read, so that an escape in it counts as one."""
        try:
            text: bytes | None = orjson.dumps(fields)
        except orjson.JSONEncodeError:  # an integer of more than 64 bits, or deeply nested
            text = json_text.to_bytes(fields)
        return text is None or self._literals.is_in(text) or self._first_escape(text, 0, len(text)) is not None


def everywhere(_piece: Buffer, start: int, end: int) -> range:
    """Return every position: the search for marks if each message has to pass."""
    return range(start, end)


@cache
def compile_finder(
    literals: frozenset[str] | None, *, follow_sessions: bool = False, only_objects: bool = False
) -> Callable[[Buffer, int, int], Sequence[int]]:
    """Return the search for marks in a buffer that holds many messages.

    The search takes the buffer, a start and an end. It returns every position in between where a mark is, in order. The
    matcher with the same arguments would drop a message without a mark; a message with a mark has to be tested by
    itself. If every message passes, the search is ``everywhere``, which searches nothing.

    With ``only_objects``, every message begins with ``{``, so none is compressed.
    """
    searched = searchable(literals)
    if searched is None:
        return everywhere
    marks, apart = _mark_search(searched, follow_sessions=follow_sessions)
    starts = MarkSearch(SHORT_STARTS)
    escapes = EscapeSearch(searched)

    def positions(piece: Buffer, start: int, end: int) -> list[int]:
        found = [*marks.positions(piece, start, end)]
        if not only_objects:
            found += starts.positions(piece, start, end)
        if apart is not None:
            found += apart.positions(piece, start, end)
        found += escapes.positions(piece, start, end)
        return sorted(found)

    return positions


def _mark_search(literals: frozenset[bytes], *, follow_sessions: bool) -> tuple[MarkSearch, LiteralSearch | None]:
    """The search for keys and root, and for the literals: in the same pass, if they are few, or in one of their own."""
    keys = (AWSLOGS, *BESIDE_VALUE, *BASE64_KEYS)
    root = re.compile(ROOT + OF_ROOT) if follow_sessions else None
    if follow_sessions and len(literals) == 1 and (name := min(literals)).endswith(ROOT):
        either = re.compile(rb"%b(?:(?<=%b)|%b)" % (ROOT, re.escape(name), OF_ROOT))
        return MarkSearch(LONG_STARTS, PARTS_OF_KEYS, keys, either), None
    conditional = PARTS_OF_KEYS if root is None else (ROOT, *PARTS_OF_KEYS)
    if len(literals) <= _MOST_IN_ONE_PASS and not can_hide(conditional, literals):
        return MarkSearch((*sorted(literals), *LONG_STARTS), PARTS_OF_KEYS, keys, root), None
    return MarkSearch((b"AssumeRoot", *LONG_STARTS), PARTS_OF_KEYS, keys, root), LiteralSearch(literals)
