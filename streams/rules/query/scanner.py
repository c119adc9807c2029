r"""The words of a query: blanks, keywords, field names, quoted and unquoted texts, and their escapes (U1).

What a word is depends on where it stands: ``success and`` is a text and a keyword after a colon, and no field's name at
the start. So the parser asks for what may come.
"""

from __future__ import annotations

import re

from streams.rules.query.error import QueryError, error_at, shown

_BLANKS = re.compile(r"[ \t\r\n]*")
_KEYWORD = re.compile(r"(and|or|not)(?![^ \t\r\n()])", re.IGNORECASE | re.ASCII)
_BLANK = frozenset(" \t\r\n")
_KEYWORD_EDGES = _BLANK | frozenset("()")
# What may be a name: everything up to a blank or a character with a meaning. An escape is no name, but one word of it.
_WORD = re.compile(r'(?:[^ \t\r\n\\():<>"{}]|\\.?)+', re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN = re.compile(r'[^ \t\r\n\\():<>"{}*]+')
_PLAIN_QUOTED = re.compile(r'[^"\\]+')
_WORDS_END = frozenset('():<>"{}')

_ESCAPED_WORD = re.compile(r"\\(and|or|not)(?![^ \t\r\n()])", re.IGNORECASE | re.ASCII)
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_BLANK_ESCAPES = {"t": "\t", "r": "\r", "n": "\n"}
_QUOTED_ESCAPES = {char: char for char in '"\\'} | _BLANK_ESCAPES
_UNQUOTED_ESCAPES = {char: char for char in '\\():<>"*{}'} | _BLANK_ESCAPES
_IN_QUOTES = r"in quotes write \" \\ \t \r \n or \uXXXX, and \\ for a plain backslash"
_OUTSIDE_QUOTES = (
    r"outside quotes write \\ \( \) \: \< \> \" \* \{ \} \t \r \n \uXXXX or \and \or \not as whole words, "
    r"and \\ for a plain backslash"
)


class Scanner:
    """A place in a query's text, and what stands there.

    Attributes:
        text: the query.
        position: the index of the next character.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def error(self, what: str, allowed: str, position: int | None = None) -> QueryError:
        """Return the error of a place; by default, of the next character."""
        return error_at(self.text, self.position if position is None else position, what, allowed)

    def skip_blanks(self) -> str:
        """Go on to the next character that is no blank, and return it; "" at the end."""
        self.position = _end_of_blanks(self.text, self.position)
        return self.text[self.position : self.position + 1]

    def keyword(self) -> str | None:
        """Return the keyword that starts here, in lower case; ``None`` if there is none. The place stays."""
        return self._keyword_at(self.position)

    def word(self) -> str:
        """Go past the characters up to a blank or a character with a meaning, and return them; perhaps none."""
        found = _WORD.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found[0]

    def quoted(self) -> str:
        """Go past a text in quotes, and return what it says.

        Raises:
            QueryError: its end is missing, or an escape is unknown.
        """
        start = self.position
        self.position += 1
        said: list[str] = []
        while self.position < len(self.text):
            if self.text[self.position] == '"':
                self.position += 1
                return _whole_characters("".join(said))
            if self.text[self.position] == "\\":
                if self.position + 1 == len(self.text):
                    break
                said.append(self._escape(_QUOTED_ESCAPES, _IN_QUOTES))
            else:
                said.append(self._plain(_PLAIN_QUOTED))
        raise self.error("the quote is not closed", r'end the text with `"`; a quote inside it is written \"', start)

    def words(self) -> tuple[str, ...]:
        """Go past an unquoted text, and return its pieces between the stars; one empty piece if there is none.

        Raises:
            QueryError: an escape is unknown.
        """
        pieces: list[list[str]] = [[]]
        start = self.position
        while self.position < len(self.text) and (char := self.text[self.position]) not in _WORDS_END:
            if char in _BLANK:
                end = _end_of_blanks(self.text, self.position)
                if end == len(self.text) or self.text[end] in _WORDS_END or self._keyword_at(end):
                    break
                pieces[-1].append(self.text[self.position : end])
                self.position = end
            elif char == "*":
                self.position += 1
                if pieces[-1] or len(pieces) == 1:
                    pieces.append([])
            elif char == "\\":
                pieces[-1].append(self._unquoted_escape(start))
            else:
                pieces[-1].append(self._plain(_PLAIN))
        return tuple(_whole_characters("".join(piece)) for piece in pieces)

    def _keyword_at(self, position: int) -> str | None:
        if position and self.text[position - 1] not in _KEYWORD_EDGES:
            return None
        found = _KEYWORD.match(self.text, position)
        return found[1].lower() if found else None

    def _plain(self, plain: re.Pattern[str]) -> str:
        """Go past characters that stand for themselves, one at least."""
        found = plain.match(self.text, self.position)
        assert found is not None, "the caller has looked at the next character"  # noqa: S101  mypy cannot know it
        self.position = found.end()
        return found[0]

    def _unquoted_escape(self, start: int) -> str:
        """Go past an escape in a text that began at ``start``. A keyword is escaped as a whole word only."""
        if self.position == start or self.text[self.position - 1] in _BLANK:
            found = _ESCAPED_WORD.match(self.text, self.position)
            if found:
                self.position = found.end()
                return found[1]
        return self._escape(_UNQUOTED_ESCAPES, _OUTSIDE_QUOTES)

    def _escape(self, escapes: dict[str, str], allowed: str) -> str:
        escaped = self.text[self.position + 1 : self.position + 2]
        if escaped in escapes:
            self.position += 2
            return escapes[escaped]
        found = _UNICODE.match(self.text, self.position)
        if found:
            self.position = found.end()
            return chr(int(found[1], 16))
        raise self.error(f"unknown escape {shown(self.text[self.position : self.position + 2])}", allowed)


def is_name(word: str) -> bool:
    """Return whether a word is written as a field's name."""
    return _NAME.fullmatch(word) is not None


def _end_of_blanks(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return found.end() if found else position


def _whole_characters(text: str) -> str:
    r"""Return a text in which two escapes such as ``\ud83d\ude00`` are the one character that they stand for."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
