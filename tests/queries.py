"""Random queries, their texts, and an evaluator that follows the contract word by word and shares no code with ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.fields.catalogue import Field

# Names that queries use, and the first names, which views know.
NAMES = {
    "event.action": "event.action",
    "eventName": "event.action",
    "event.provider": "event.provider",
    "user.id": "user.id",
    "event.outcome": "event.outcome",
}
PLAIN = [
    "a",
    "b",
    "ab",
    "aXb",
    "and",
    "OR",
    "not",
    "a and b",
    " a",
    "b ",
    '"',
    "\\",
    "*",
    "a*b",
    "(a)",
    ":",
    "<{}>",
    "\t",
    "é",
    "😀",
    "1e-07",
]
BLANKS = ["", "", " ", "\n", "\t ", "\r\n"]
SPACES = [" ", "  ", "\n", "\t"]


@dataclass(frozen=True)
class Text:
    """A text, by its pieces between the stars."""

    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """``not`` of one operand, or ``and`` or ``or`` of several."""

    word: str
    operands: tuple[Meaning, ...]


@dataclass(frozen=True)
class Clause:
    """A field, by one of its names, and a value or a group of them."""

    name: str
    value: Text | Joined


Meaning = Text | Joined | Clause
Values = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class FixedView:
    """A view of a record of which every field's values are given, by the first names."""

    fields: Mapping[str, tuple[str, ...]]

    def values(self, field: Field, /) -> tuple[str, ...]:
        """Return the given values."""
        return self.fields.get(field.name, ())


def takes(meaning: Clause | Joined, values: Values) -> bool:
    """Return whether a record with these values is taken, as the contract says it."""
    return _holds(meaning, values, ())


def _holds(meaning: Meaning, values: Values, of_field: tuple[str, ...]) -> bool:
    match meaning:
        case Text(pieces):
            pattern = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
            return any(pattern.fullmatch(value) for value in of_field)
        case Clause(name, value):
            return _holds(value, values, values.get(NAMES[name], ()))
        case Joined("not", (operand,)):
            return not _holds(operand, values, of_field)
        case Joined("and", operands):
            return all(_holds(operand, values, of_field) for operand in operands)
        case Joined(_, operands):
            return any(_holds(operand, values, of_field) for operand in operands)


def _joined(operands: st.SearchStrategy[Meaning]) -> st.SearchStrategy[Meaning]:
    return st.one_of(
        st.builds(lambda one: Joined("not", (one,)), operands),
        st.builds(Joined, st.sampled_from(["and", "or"]), st.lists(operands, min_size=2, max_size=4).map(tuple)),
    )


_PIECES = st.one_of(
    st.sampled_from(PLAIN).map(lambda text: (text,)),
    st.lists(st.sampled_from(["", *PLAIN]), min_size=2, max_size=4).map(tuple),
)
_VALUES = st.recursive(st.builds(Text, _PIECES), _joined, max_leaves=4)
CLAUSES = st.builds(Clause, st.sampled_from(list(NAMES)), _VALUES)
_SOME = st.one_of(CLAUSES, _joined(CLAUSES))
MEANINGS = st.one_of(CLAUSES, _joined(_SOME), _joined(_joined(_SOME)))
RECORDS = st.dictionaries(
    st.sampled_from(sorted(set(NAMES.values()))), st.lists(st.sampled_from(PLAIN), max_size=3, unique=True).map(tuple)
)


@st.composite
def written(draw: Callable[..., object], meaning: Clause | Joined) -> str:
    """Write a query in any of the ways that the language has."""
    return _Writer(lambda choices: draw(st.sampled_from(choices))).operand(meaning, inside="")


class _Writer:
    def __init__(self, choose: Callable[[list[str]], object]) -> None:
        self._choose = choose

    def operand(self, meaning: Meaning, inside: str) -> str:
        """Write an operand of ``not``, ``and`` or ``or``; parentheses where they must be, and elsewhere sometimes."""
        match meaning:
            case Text(pieces):
                text = self.text(pieces)
            case Clause(name, value):
                group = isinstance(value, Joined)
                blanks = (self._one(BLANKS), self._one(SPACES))
                text = f"{name}{blanks[0]}:{blanks[1]}{self.grouped(value) if group else self.operand(value, 'value')}"
            case Joined("not", (operand,)):
                text = f"{self._word('not')}{self._one(SPACES)}{self.operand(operand, 'not')}"
                return self._enclosed(text) if inside == "not" else text
            case Joined(word, operands):
                glue = [f"{self._one(SPACES)}{self._word(word)}{self._one(SPACES)}" for _ in operands]
                parts = [self.operand(operand, word) for operand in operands]
                text = "".join(part + sign for part, sign in zip(parts, [*glue[1:], ""], strict=True))
                if inside == "not" or (inside == "and" and word == "or"):
                    return self._enclosed(text)
        return self._enclosed(text) if inside != "value" and self._one(["", "", "("]) else text

    def grouped(self, value: Meaning) -> str:
        """Write a group of values."""
        return self._enclosed(self.operand(value, ""))

    def text(self, pieces: tuple[str, ...]) -> str:
        """Write a text in quotes, or without."""
        if len(pieces) == 1 and self._one(["", "quoted"]):
            return '"' + "".join(self._in_quotes(char) for char in pieces[0]) + '"'
        stars = "*".join("".join(self._outside(char) for char in piece) for piece in pieces)
        words = re.sub(r"(?<![^ ])(and|or|not)(?![^ ])", r"\\\1", stars, flags=re.IGNORECASE)
        return re.sub(r"^ | $", r"\\u0020", words)

    def _in_quotes(self, char: str) -> str:
        plain = {"\t": r"\t", '"': r"\"", "\\": r"\\"}.get(char, char)
        return self._one([plain, plain, _unicode(char, plain)])

    def _outside(self, char: str) -> str:
        plain = {"\t": r"\t"}.get(char, f"\\{char}" if char in '\\():<>"*{}' else char)
        return self._one([plain, plain, _unicode(char, plain)])

    def _enclosed(self, text: str) -> str:
        return f"({self._one(BLANKS)}{text}{self._one(BLANKS)})"

    def _word(self, word: str) -> str:
        return self._one([word, word.upper(), word.title()])

    def _one(self, choices: list[str]) -> str:
        return str(self._choose(choices))


def _unicode(char: str, plain: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else plain
