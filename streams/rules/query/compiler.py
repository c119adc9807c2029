"""Query → a function over the fields of a record (U1, U3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.rules.query.tree import ANY, And, Match, Not
from streams.rules.query.wildcard import compile_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.fields.catalogue import Field
    from streams.fields.view import View
    from streams.rules.query.tree import Query


class _Compiled(NamedTuple):
    test: Callable[[View], bool]
    match: Match | None  # the clause that the test is of; none if it is of several


def compile_query(query: Query) -> Callable[[View], bool]:
    """Return the function that says whether a query takes the record of a view.

    Its cost is bounded by the query and the lengths of the values: no text makes a wildcard slow.
    """
    stack: list[_Compiled] = []
    for step in query.steps:
        if isinstance(step, Match):
            stack.append(_Compiled(_clause(step.field, [step.pieces]), step))
        elif isinstance(step, Not):
            stack.append(_Compiled(_negation(stack.pop().test), None))
        else:
            operands = stack[-step.count :]
            del stack[-step.count :]
            stack.append(_Compiled(_conjunction(operands) if isinstance(step, And) else _disjunction(operands), None))
    return stack[0].test


def _clause(field: Field, texts: Sequence[tuple[str, ...]]) -> Callable[[View], bool]:
    """Return the test whether any value of a field is one of the texts."""
    if ANY in texts:
        return lambda view: bool(view.values(field))
    plain = frozenset(pieces[0] for pieces in texts if len(pieces) == 1)
    if len(plain) < len(texts):
        return _any_value(field, compile_texts(texts))
    if len(plain) == 1:
        (text,) = plain
        return lambda view: text in view.values(field)
    return lambda view: not plain.isdisjoint(view.values(field))


def _any_value(field: Field, matches: Callable[[str], bool]) -> Callable[[View], bool]:
    def test(view: View) -> bool:
        for value in view.values(field):  # noqa: SIM110  any() with a generator takes three times as long
            if matches(value):
                return True
        return False

    return test


def _negation(operand: Callable[[View], bool]) -> Callable[[View], bool]:
    return lambda view: not operand(view)


def _conjunction(operands: Sequence[_Compiled]) -> Callable[[View], bool]:
    tests = tuple(operand.test for operand in operands)

    def test(view: View) -> bool:
        for one in tests:  # noqa: SIM110  as above; and a generator would double the depth of the stack
            if not one(view):
                return False
        return True

    return test


def _disjunction(operands: Sequence[_Compiled]) -> Callable[[View], bool]:
    """Return the test of ``or``; the clauses of one field are one test."""
    clauses: dict[Field, list[tuple[str, ...]]] = {}
    for operand in operands:
        if operand.match is not None:
            clauses.setdefault(operand.match.field, []).append(operand.match.pieces)
    others = (operand.test for operand in operands if operand.match is None)
    tests = (*(_clause(field, texts) for field, texts in clauses.items()), *others)
    if len(tests) == 1:
        return tests[0]

    def test(view: View) -> bool:
        for one in tests:  # noqa: SIM110  as above
            if one(view):
                return True
        return False

    return test
