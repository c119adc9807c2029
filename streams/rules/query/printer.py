r"""Query → its canonical text, which reads back as the same query (U1).

Fingerprints of rules are made of this text, and a changed fingerprint makes a rule learn anew: so what is printed for a
query never changes. It depends on nothing but the query, not on what a version of Python takes for printable.

- A field has its first name. Keywords are in lower case, with one blank around them; parentheses stand where they must.
- A text without a star is in quotes, any other without. Values of one field with ``or`` between them are a group.
- Control characters, marks of writing direction, and halves of surrogate pairs are written as ``\uXXXX``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from streams.rules.query.tree import And, Match, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.fields.catalogue import Field
    from streams.rules.query.tree import Query

_UNSEEN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_ESCAPED_IN_QUOTES = re.compile(rf'["\\{_UNSEEN}]')
_ESCAPED_OUTSIDE = re.compile(rf'[\\():<>"*{{}}{_UNSEEN}]')
_BLANKS_AT_ENDS = re.compile(r"^ +| +$")
_KEYWORD = re.compile(r"(?<![^ ])(?=(?:and|or|not)(?![^ ]))", re.IGNORECASE | re.ASCII)
_NAMED = {"\t": r"\t", "\r": r"\r", "\n": r"\n"}


class _Printed(NamedTuple):
    """The text of an operand.

    Attributes:
        text: the text.
        weak: whether it must stand in parentheses under ``not``: it is an ``and`` or ``or``.
        disjoint: whether it must stand in parentheses under ``and``: it is an ``or``.
        match: the field and value of a text that is one clause.
    """

    text: str
    weak: bool = False
    disjoint: bool = False
    match: Match | None = None


def print_query(query: Query) -> str:
    """Return the canonical text of a query; ``parse_query`` reads it as the same query."""
    stack: list[_Printed] = []
    for step in query.steps:
        if isinstance(step, Match):
            stack.append(_Printed(f"{step.field.name}: {print_value(step.pieces)}", match=step))
        elif isinstance(step, Not):
            operand = stack.pop()
            stack.append(_Printed(f"not {_enclosed(operand.text) if operand.weak else operand.text}"))
        else:
            operands = stack[-step.count :]
            del stack[-step.count :]
            stack.append(_conjunction(operands) if isinstance(step, And) else _disjunction(operands))
    return stack[0].text


def print_value(pieces: tuple[str, ...]) -> str:
    """Return a text as a query writes it: in quotes, or with its stars."""
    if len(pieces) == 1:
        return f'"{_ESCAPED_IN_QUOTES.sub(_escaped, pieces[0])}"'
    joined = "*".join(_ESCAPED_OUTSIDE.sub(_escaped, piece) for piece in pieces)
    kept = _BLANKS_AT_ENDS.sub(lambda blanks: r"\u0020" * len(blanks[0]), joined)
    return _KEYWORD.sub(r"\\", kept)


def _conjunction(operands: Sequence[_Printed]) -> _Printed:
    texts = (_enclosed(operand.text) if operand.disjoint else operand.text for operand in operands)
    return _Printed(" and ".join(texts), weak=True)


def _disjunction(operands: Sequence[_Printed]) -> _Printed:
    """Print ``or``: each run of clauses of one field is a group."""
    runs: list[list[_Printed]] = []
    for operand in operands:
        if runs and _field_of(operand) is not None and _field_of(operand) == _field_of(runs[-1][-1]):
            runs[-1].append(operand)
        else:
            runs.append([operand])
    text = " or ".join(_group(run) for run in runs)
    several = len(runs) > 1
    return _Printed(text, weak=several, disjoint=several)


def _field_of(operand: _Printed) -> Field | None:
    return None if operand.match is None else operand.match.field


def _group(run: Sequence[_Printed]) -> str:
    matches = [operand.match for operand in run if operand.match is not None]
    if len(run) == 1:
        return run[0].text
    return f"{matches[0].field.name}: ({' or '.join(print_value(match.pieces) for match in matches)})"


def _enclosed(text: str) -> str:
    return f"({text})"


def _escaped(char: re.Match[str]) -> str:
    if char[0] in _NAMED:
        return _NAMED[char[0]]
    return f"\\{char[0]}" if "!" <= char[0] <= "~" else f"\\u{ord(char[0]):04x}"
