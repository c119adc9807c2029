"""What is left to ask of a query where the values of some fields are known (U3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.query.tree import ANY, Match, Not, Or, Query, conjunction, disjunction, negation
from streams.rules.query.wildcard import compile_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.fields.catalogue import Field
    from streams.rules.query.tree import Part


def rest_of(query: Query, known: Mapping[Field, tuple[str, ...]]) -> Query | bool:
    """Return the query without its clauses of known fields, or what it says if these decide it.

    Args:
        query: the query.
        known: the values of the known fields, as a view has them.
    """
    stack: list[Part | bool] = []
    for step in query.steps:
        if isinstance(step, Match):
            values = known.get(step.field)
            stack.append([step] if values is None else _holds(step, values))
        elif isinstance(step, Not):
            part = stack.pop()
            stack.append(not part if isinstance(part, bool) else negation(part))
        else:
            operands = stack[-step.count :]
            del stack[-step.count :]
            deciding = isinstance(step, Or)  # one such operand decides; the opposite one says nothing
            left = [operand for operand in operands if not isinstance(operand, bool)]
            if deciding in [operand for operand in operands if isinstance(operand, bool)]:
                stack.append(deciding)
            elif left:
                stack.append(disjunction(left) if deciding else conjunction(left))
            else:
                stack.append(not deciding)
    (rest,) = stack
    return rest if isinstance(rest, bool) else Query(tuple(rest))


def _holds(match: Match, values: tuple[str, ...]) -> bool:
    if match.pieces == ANY:
        return bool(values)
    return any(map(compile_texts([match.pieces]), values))
