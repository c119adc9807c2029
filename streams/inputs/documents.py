"""Documents behind each other in one text (R7): where each begins and ends, also around a cut or damaged one.

Rules:
- Between documents there may be blanks, line ends, byte order marks and record separators (RFC 7464), or nothing.
- A whole document is followed by another one, a line's end, a separator or the end of the text. If anything else
  follows on its line, the document is damaged.
- After damage, reading continues only at a position that is surely outside every string and object, even if a caller
  chose their content (R2). Such positions are:
  - behind a record separator, because JSON escapes it everywhere;
  - an opening bracket directly after a closing one, if a plain key follows. Inside a document, a comma would be between
    the brackets; inside a string, the quotes of the key would be escaped. Exception: if the text is sound up to that
    bracket, only the comma may be missing;
  - the next line, if the first line of the damaged document cannot begin a document of several lines: the text is JSON
    lines;
  - a bracket at the beginning of a line, if the text before it is sound and cannot continue with the bracket, or if the
    damage is before it and the last line before it does not ask for a continuation;
  - a line that is a whole document by itself, if lines around it are documents.
  Everything up to that position is damaged.
- Reading takes time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stringzilla import find

from streams.content import json_text
from streams.content.json_text import MalformedJsonError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANKS = b" \t\r\n"
_SEPARATOR = b"\x1e"
_BOM = rb"\xef\xbb\xbf"
_OPENING = (b"{", b"[", b",", b":")
_BRACKETS = (b"{", b"[")
_OF_BRACKETS = frozenset(b"{[")
_INDENTS = (b" ", b"\t")
_STARTS = frozenset(b'{["')
_FOLLOWERS = frozenset(b'\n\x1e{["')

_BETWEEN = re.compile(rb"(?:[ \t\r\n\x1e]++|%b)*+" % _BOM)
_REST_OF_LINE = re.compile(rb"(?:[ \t\r]++|%b)*+" % _BOM)
# Perhaps the end of a document and the start of another one.
_SEAM = re.compile(rb'[}\]](?:[ \t\r\n\x1e]++|%b)*+(?=[{\["])' % _BOM)
_ADJACENT = re.compile(rb"[}\]](?:[ \t\r]++|%b)*+(?=[{\[])" % _BOM)
_POSITION = re.compile(_ADJACENT.pattern + rb"(?P<adjacent>)|\n(?:[ \t\r\n]++|%b)*+(?:(?=[{\[])(?P<line>))?" % _BOM)
# The start of a document. A position inside a string or between strings does not match.
_PLAIN_KEY = re.compile(rb'(?:\[\s*+)?\{\s*+"[^\s"\\,:{}\[\]]++"\s*+:')

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_FIRST_WINDOW = 4096
_GROWTH = 4
_LONGEST_TOKEN = 16  # without strings: an error in a token, such as -Infinity, is reported at its start
# How many bytes may be parsed in vain by the fast way, beyond those read already, before only the slow way is used.
_SPARE = 1024 * 1024
# How many lines of damaged documents are examined in vain. Then the rest of the text counts as damaged.
_MOST_LINES = 100_000


class Piece(NamedTuple):
    """A document, or damaged bytes.

    Attributes:
        value: the document's value.
        damaged: the damaged bytes; ``None`` for a document.
    """

    value: Any = None
    damaged: bytes | None = None


class _Damage(NamedTuple):
    """Where a document is damaged.

    Attributes:
        position: the text before it is sound, unless ``unknown``.
        is_in_string: whether the damage is the end of a line inside a string.
        unknown: whether nothing is known about the text before the position.
    """

    position: int
    is_in_string: bool = False
    unknown: bool = False


def pieces(text: bytes) -> Iterator[Piece]:
    """Split a text into its documents and the damaged bytes between them, in order."""
    yield from _Text(text).pieces()


class _Text:
    """A text that is being split. Positions found ahead are kept, so that no search is repeated."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._end = len(text)
        self._newline = self._separator = -1
        self._seam: re.Match[bytes] | None = None
        self._seam_at = self._usual_at = -1
        self._usual = b""
        self._document = (0, 0)
        self._in_vain = 0
        self._lines_in_vain = 0

    def pieces(self) -> Iterator[Piece]:
        position = self._after_blanks(0)
        while position < self._end:
            piece, position = self._next(position)
            yield piece

    def _next(self, start: int) -> tuple[Piece, int]:
        """Return the piece that begins at ``start``, and where the next one begins."""
        damage = _Damage(start, unknown=True)
        if self._text[start] not in _STARTS:
            line = self._text[start : min(self._line_end(start), self._separator_after(start))]
            try:
                return Piece(json_text.parse_plain(line.strip(_BLANKS))), self._after_blanks(start + len(line))
            except ValueError:
                return self._damaged(start, damage)
        if self._text[start] in _OF_BRACKETS and self._in_vain <= start + _SPARE:
            for end, behind in self._ends(start):
                try:
                    value = json_text.parse_plain(self._text[start:end])
                except ValueError:
                    self._in_vain += end - start
                else:
                    self._document = (start, end)
                    return Piece(value), behind
        return self._scanned(start)

    def _ends(self, start: int) -> Iterator[tuple[int, int]]:
        """Where a document may end and the next one begin: at the seam found last time, else at the next seam."""
        if self._usual:
            if self._usual_at < start:
                found = find(self._text, self._usual, start)
                self._usual_at = self._end if found < 0 else found
            if self._usual_at < self._end:
                yield self._usual_at + 1, self._usual_at + len(self._usual) - 1
        if self._seam_at < start:
            self._seam = _SEAM.search(self._text, start)
            self._seam_at = self._seam.start() if self._seam else self._end
        if self._seam is None:
            if start:
                yield self._end, self._end
        elif self._seam_at != self._usual_at:
            self._usual, self._usual_at = self._text[self._seam_at : self._seam.end() + 1], self._seam_at
            yield self._seam_at + 1, self._seam.end()

    def _scanned(self, start: int) -> tuple[Piece, int]:
        end = self._scan(start)
        if isinstance(end, _Damage):
            return self._damaged(start, end)
        behind = self._match_end(_REST_OF_LINE, end)
        if behind < self._end and self._text[behind] not in _FOLLOWERS:
            return self._damaged(start, _Damage(behind, unknown=True))
        self._document = (start, end)
        document = self._text[start:end]
        try:
            return Piece(json_text.parse(document)), self._after_blanks(end)
        except MalformedJsonError:
            return Piece(damaged=document), self._after_blanks(end)

    def _scan(self, start: int) -> int | _Damage:
        """Return where the document that begins at ``start`` ends, or its damage.

        The text is decoded in windows, each larger than the one before, because an error costs a search through the
        window. Each byte becomes a character, so that positions are those of the bytes.
        """
        size = _FIRST_WINDOW
        while True:
            window = self._text[start : start + size].decode("latin-1")
            try:
                return start + int(_DECODER.raw_decode(window)[1])
            except RecursionError:
                return _Damage(start, unknown=True)
            except json.JSONDecodeError as error:
                is_last = start + size >= self._end
                is_open = error.msg.startswith("Unterminated string")
                if is_last or (error.pos < len(window) - _LONGEST_TOKEN and not is_open):
                    position = self._end if is_open else start + error.pos
                    is_in_string = error.msg.startswith("Invalid control") and self._text[position] in b"\r\n"
                    is_sound = is_open or is_in_string or error.msg.startswith("Expecting")
                    return _Damage(position, is_in_string, unknown=not is_sound)
            size *= _GROWTH

    def _damaged(self, start: int, damage: _Damage) -> tuple[Piece, int]:
        end = self._next_start(start, damage)
        return Piece(damaged=self._text[start:end].rstrip(b"\n")), self._after_blanks(end)

    def _next_start(self, start: int, damage: _Damage) -> int:
        """Return where the first piece after a damaged one may begin, by the rules above."""
        limit = self._separator_after(start)
        line_end = min(self._line_end(start), limit)
        for found in _ADJACENT.finditer(self._text, max(start, damage.position), line_end):
            if self._is_adjacent(found.end(), damage):
                return found.end()
        if not self._text[start:line_end].rstrip(_BLANKS).endswith(_OPENING):
            return min(line_end + 1, limit)
        for found in _POSITION.finditer(self._text, line_end, limit):
            kind = found.lastgroup
            if kind == "adjacent" and self._is_adjacent(found.end(), damage):
                return found.end()
            if kind == "line":
                if self._may_begin(found, damage):
                    return found.end()
                self._lines_in_vain += 1
                if self._lines_in_vain > _MOST_LINES:
                    break
        return limit

    def _is_adjacent(self, bracket: int, damage: _Damage) -> bool:
        """Whether a bracket behind a closing one opens a document."""
        return bracket > damage.position and _PLAIN_KEY.match(self._text, bracket) is not None

    def _may_begin(self, line: re.Match[bytes], damage: _Damage) -> bool:
        """Whether a document may begin with a line that begins with a bracket."""
        text = self._text
        bracket = line.end()
        before = self._last_before(line.start())
        if before in (b"}", b"]") and self._is_adjacent(bracket, damage):
            return True
        if text.startswith(_INDENTS, bracket - 1):
            return False
        if not damage.unknown and bracket <= damage.position:
            may_begin = bracket == damage.position
        else:
            is_cut_in_string = damage.is_in_string and line.start() - 1 <= damage.position <= line.start()
            may_begin = is_cut_in_string or before not in _OPENING
        return may_begin or self._is_line_among_lines(bracket)

    def _is_line_among_lines(self, start: int) -> bool:
        """Whether a line is a document by itself, and the line before or, as it seems, the line behind it is too."""
        text = self._text
        end = self._line_end(start)
        before, after = self._document
        follows = text.startswith(_BRACKETS, self._after_blanks(end))
        if not (follows or (after and text.find(b"\n", before, after) < 0)):
            return False
        try:
            json_text.parse(text[start:end].strip(_BLANKS))
        except MalformedJsonError:
            return False
        return True

    def _last_before(self, position: int) -> bytes:
        while position and self._text[position - 1] in _BLANKS:
            position -= 1
        return self._text[position - 1 : position]

    def _after_blanks(self, position: int) -> int:
        return self._match_end(_BETWEEN, position)

    def _match_end(self, pattern: re.Pattern[bytes], position: int) -> int:
        match = pattern.match(self._text, position)
        return match.end() if match else position

    def _line_end(self, start: int) -> int:
        if self._newline < start:
            found = self._text.find(b"\n", start)
            self._newline = self._end if found < 0 else found
        return self._newline

    def _separator_after(self, start: int) -> int:
        if self._separator < start:
            found = self._text.find(_SEPARATOR, start)
            self._separator = self._end if found < 0 else found
        return self._separator
