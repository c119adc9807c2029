"""Query text → query (U1).

The parser keeps a stack of its own in place of recursion: one group per open parenthesis.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.fields.catalogue import UnknownFieldError, field_named
from streams.rules.query.comparison import compared
from streams.rules.query.error import QueryError, shown
from streams.rules.query.scanner import Scanner, is_name
from streams.rules.query.tree import Match, Part, Query, conjunction, disjunction, negation

if TYPE_CHECKING:
    from streams.fields.catalogue import Field

__all__ = ["QueryError", "parse_query"]

_MOST_LEVELS = 100

_A_CLAUSE = 'write a clause such as event.action: "CreateUser"'
_A_VALUE = 'write a text in quotes, words, `*` for any value, or a group such as ("a" or "b")'
_BETWEEN = "put `and` or `or` between two clauses, or between two values of a group"
_SIGNS = {
    "<": "a comparison such as `<` is not part of the language",
    ">": "a comparison such as `>` is not part of the language",
    "{": "a nested query `{` is not part of the language",
    "}": "a nested query `}` is not part of the language",
}
_EQUALITY_ONLY = r"compare with `field: value`; a plain character is written in quotes or with a backslash, such as \{}"


@dataclass(slots=True)
class _Group:
    """What was read between a parenthesis and its end: ``or`` of ``and`` of operands."""

    opened: int
    named: Field | None  # the field whose values are in the group; none for a group of clauses
    disjuncts: list[Part] = field(default_factory=list)
    conjuncts: list[Part] = field(default_factory=list)
    negated: bool = False  # whether a ``not`` waits for its operand

    def add(self, operand: Part) -> None:
        self.conjuncts.append(negation(operand) if self.negated else operand)
        self.negated = False

    def start_disjunct(self) -> None:
        self.disjuncts.append(conjunction(self.conjuncts))
        self.conjuncts = []

    def whole(self) -> Part:
        return disjunction([*self.disjuncts, conjunction(self.conjuncts)])


def parse_query(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: the text is not understood; the error has the place, what is wrong, and what is allowed there.
    """
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._scanner = Scanner(text)
        self._groups = [_Group(0, None)]

    def query(self) -> Query:
        while True:
            self._read_operand()
            if self._read_operator():
                return Query(tuple(self._groups[0].whole()))

    def _read_operand(self) -> None:
        """Read up to the end of the next clause or value, past the ``not`` and the parentheses before it."""
        while True:
            group = self._groups[-1]
            char = self._scanner.skip_blanks()
            if char == "(":
                self._open(group.named)
            elif self._scanner.keyword() == "not":
                if group.negated:
                    raise self._scanner.error("two `not` in a row", "write one, or `not (not …)`")
                group.negated = True
                self._scanner.word()
            elif group.named is not None:
                group.add([self._value(group.named, char)])
                return
            else:
                named = self._field(char)
                char = self._scanner.skip_blanks()
                if char == "(":
                    self._open(named)
                else:
                    group.add([self._value(named, char)])
                    return

    def _read_operator(self) -> bool:
        """Read what follows an operand, past the parentheses that end here; return whether it is the query's end."""
        while True:
            char = self._scanner.skip_blanks()
            group = self._groups[-1]
            if char == ")":
                self._close()
                continue
            if not char:
                if len(self._groups) > 1:
                    raise self._scanner.error("`)` is missing", f"close the `(` of {self._place(group.opened)}")
                return True
            keyword = self._scanner.keyword()
            if keyword not in {"and", "or"}:
                raise self._no_operator(char, keyword)
            self._scanner.word()
            if keyword == "or":
                group.start_disjunct()
            return False

    def _open(self, named: Field | None) -> None:
        if len(self._groups) > _MOST_LEVELS:
            raise self._scanner.error(f"more than {_MOST_LEVELS} levels of parentheses", f"at most {_MOST_LEVELS}")
        self._groups.append(_Group(self._scanner.position, named))
        self._scanner.position += 1

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise self._scanner.error("`)` without a `(` before it", r"remove it, or write \) for a plain character")
        closed = self._groups.pop()
        self._groups[-1].add(closed.whole())
        self._scanner.position += 1

    def _field(self, char: str) -> Field:
        """Read a field and its colon."""
        scanner = self._scanner
        start = scanner.position
        if char == '"':
            raise self._quoted_without_field()
        self._refuse_missing(char, "a clause", _A_CLAUSE)
        if char == ":":
            raise scanner.error("a field's name is missing before `:`", _A_CLAUSE)
        word = scanner.word()
        if scanner.skip_blanks() != ":":
            self._refuse_sign(scanner.skip_blanks())
            what = f"{shown(word)} is a text without a field" if not _is_known(word) else f"`:` is missing after {word}"
            raise scanner.error(what, _A_CLAUSE, start)
        if "*" in word:
            raise scanner.error(f"{shown(word)} is a field's name with a star", "name each field in full", start)
        if not is_name(word):
            allowed = "a field's name has letters, digits, `.`, `_` and `-` only"
            raise scanner.error(f"{shown(word)} is no field's name", allowed, start)
        scanner.position += 1
        try:
            return field_named(word)
        except UnknownFieldError as error:
            raise self._unknown(error, start) from None

    def _value(self, named: Field, char: str) -> Match:
        """Read a text that a field is compared with."""
        scanner = self._scanner
        self._refuse_missing(char, f"a value of {named.name}", _A_VALUE)
        if char == ":":
            allowed = r"write one `:`, and quotes or \: for a plain one, as in an IPv6 address or an ARN"
            raise scanner.error(f"a value of {named.name} cannot begin with `:`", allowed)
        start = scanner.position
        pieces = (scanner.quoted(),) if char == '"' else scanner.words()
        written = scanner.text[start : scanner.position]
        found = compared(named, pieces)
        if isinstance(found, str):
            raise scanner.error(f"{shown(written)} is no value of {named.name}", found, start)
        return Match(named, found)

    def _refuse_missing(self, char: str, what: str, allowed: str) -> None:
        """Refuse what is no start of a clause or value, and not the text of one."""
        keyword = self._scanner.keyword()
        if keyword is not None:
            escape = rf"{allowed}; the plain word {keyword} is written in quotes or as \{keyword}"
            raise self._scanner.error(f"{what} is missing before `{keyword}`", escape)
        if char == ")":
            raise self._scanner.error(f"{what} is missing before `)`", allowed)
        if not char:
            where = "the query is empty" if not self._scanner.text.strip(" \t\r\n") else f"{what} is missing at the end"
            raise self._scanner.error(where, allowed)
        self._refuse_sign(char)

    def _refuse_sign(self, char: str) -> None:
        if char in _SIGNS:
            raise self._scanner.error(_SIGNS[char], _EQUALITY_ONLY.format(char))

    def _no_operator(self, char: str, keyword: str | None) -> QueryError:
        """Return what to say about something that follows a clause or value, and is neither ``and`` nor ``or``."""
        scanner = self._scanner
        self._refuse_sign(char)
        if keyword == "not":
            return scanner.error("`not` without `and` or `or` before it", f"{_BETWEEN}; or write \\not for the word")
        if char == ":":
            colon = r"a plain colon is written in quotes or as \:"
            if self._groups[-1].named is not None:
                return scanner.error("`:` in a group of values", f"close the group before the next clause; {colon}")
            return scanner.error("a second `:` in one clause", f"put `and` or `or` between two clauses; {colon}")
        start = scanner.position
        rest = "a quoted text" if char == '"' else "`(`" if char == "(" else shown(scanner.word())
        if rest.lower() in {"`and`", "`or`"}:
            return scanner.error(f"{rest} touches what is beside it", "put a blank before it and after it", start)
        return scanner.error(f"{rest} without `and` or `or` before it", _BETWEEN, start)

    def _quoted_without_field(self) -> QueryError:
        scanner = self._scanner
        start = scanner.position
        said = scanner.quoted()
        if scanner.skip_blanks() == ":":
            return scanner.error(f"{shown(said)} is a field's name in quotes", "write it without quotes", start)
        return scanner.error(f"{shown(said)} is a text without a field", _A_CLAUSE, start)

    def _unknown(self, error: UnknownFieldError, start: int) -> QueryError:
        nearest = " or ".join(error.nearest)
        if any(known.startswith(f"{error.name}.") for known in error.nearest):
            return self._scanner.error(f"{error.name} names an object, not a value", f"name a leaf: {nearest}", start)
        allowed = f"did you mean {nearest}?" if nearest else "a field of ECS or CloudTrail, such as event.action"
        return self._scanner.error(f"no field is named {shown(error.name)}", allowed, start)

    def _place(self, position: int) -> str:
        place = self._scanner.error("", "", position)
        return f"{place.line}:{place.column}"


def _is_known(word: str) -> bool:
    try:
        field_named(word)
    except UnknownFieldError:
        return False
    return True
