"""A query as its steps in postfix order: operands first, then what joins them.

A tree of nested objects would be as deep as the query, and Python compares, hashes and pickles it by recursion. The
steps are flat, so a query of any depth is safe, and each reader of it is a loop with a stack.

``conjunction``, ``disjunction`` and ``negation`` make the steps, so that some ways to write a meaning are one query: a
group is distributed over its field, joined operands of one kind are one step, and two negations are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.fields.catalogue import Field

ANY: tuple[str, ...] = ("", "")
"""The pieces of ``*``: the field has a value."""


@dataclass(frozen=True, slots=True)
class Match:
    """A field with a text: true if one of the field's values is that text.

    Attributes:
        field: the field.
        pieces: the plain text between the stars. One piece is a text without a star; no piece between two others is
            empty.
    """

    field: Field
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The operand before it is false."""


@dataclass(frozen=True, slots=True)
class And:
    """All of the ``count`` operands before it are true."""

    count: int


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the ``count`` operands before it is true."""

    count: int


Step = Match | Not | And | Or
Part = list[Step]
"""The steps of one operand."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a query means; it can be compared, hashed and pickled."""

    steps: tuple[Step, ...]

    def fields(self) -> tuple[Field, ...]:
        """Return the fields that the query reads, each once, in the order of the query."""
        return tuple(dict.fromkeys(step.field for step in self.steps if isinstance(step, Match)))


def negation(part: Part) -> Part:
    """Return the steps of the opposite."""
    return part[:-1] if isinstance(part[-1], Not) else [*part, Not()]


def conjunction(parts: Sequence[Part]) -> Part:
    """Return the steps of ``and`` over one or more operands."""
    return _joined(parts, And)


def disjunction(parts: Sequence[Part]) -> Part:
    """Return the steps of ``or`` over one or more operands."""
    return _joined(parts, Or)


def _joined(parts: Sequence[Part], kind: type[And | Or]) -> Part:
    if len(parts) == 1:
        return parts[0]
    steps: Part = []
    count = 0
    for part in parts:
        last = part[-1]
        if isinstance(last, kind):
            steps += part[:-1]
            count += last.count
        else:
            steps += part
            count += 1
    steps.append(kind(count))
    return steps
