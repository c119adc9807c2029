"""What is said about a query that is not understood."""

from __future__ import annotations

import re

_LINE_END = re.compile(r"\r\n|\n|\r")
_MOST_SHOWN = 60


class QueryError(ValueError):
    """A query is not understood.

    Attributes:
        line: the line in the query's own text, from 1.
        column: the character in that line, from 1; what is missing is missed at the query's end.
        what: what is wrong.
        allowed: what is allowed there.
    """

    def __init__(self, line: int, column: int, what: str, allowed: str) -> None:
        super().__init__(line, column, what, allowed)
        self.line = line
        self.column = column
        self.what = what
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.what}: {self.allowed}"


def error_at(text: str, position: int, what: str, allowed: str) -> QueryError:
    """Return the error of a place in a query's text."""
    ends = [end for end in _LINE_END.finditer(text) if end.end() <= position]
    start = ends[-1].end() if ends else 0
    return QueryError(len(ends) + 1, position - start + 1, what, allowed)


def shown(text: str) -> str:
    """Return a part of a query as messages show it: on one line, and not too long."""
    short = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
    return "`" + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in short) + "`"
