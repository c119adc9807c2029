"""What every record that a query takes must hold: for the fetch filter and the choice of rules by event (U10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streams.rules.query.tree import And, Match, Not

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.rules.query.tree import Query

_PROVIDER = "event.provider"
_ACTION = "event.action"

_RUN = re.compile(r"[A-Za-z0-9._-]+")
# A number may be written in another form than its text (1e-7), so a run that may be of a number proves nothing.
_TELLING = re.compile(r"[A-DF-Za-df-z]")


@dataclass(frozen=True, slots=True)
class Requirements:
    """What holds for every record that a query takes; ``None`` says nothing.

    Attributes:
        providers: a value of ``event.provider`` is one of them.
        actions: a value of ``event.action`` is one of them.
        literals: the record's bytes hold at least one of them, as it is or with JSON escapes in it. They have letters
            other than ``e``, and beside letters only digits, ``.``, ``_`` and ``-``.
    """

    providers: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    literals: frozenset[str] | None = None


class _Required(NamedTuple):
    providers: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    literals: frozenset[str] | None = None
    of_action: bool = False  # whether all literals are of values of event.action


_NOTHING = _Required()


def requirements(query: Query) -> Requirements:
    """Return what every record that the query takes must hold.

    Of operands with ``and`` between them one is enough. Literals of ``event.action`` come first, because they are rare;
    then those whose shortest is longest. Of operands with ``or`` between them each is needed.
    """
    stack: list[_Required] = []
    for step in query.steps:
        if isinstance(step, Match):
            stack.append(_of_clause(step))
        elif isinstance(step, Not):
            stack[-1] = _NOTHING
        else:
            operands = stack[-step.count :]
            del stack[-step.count :]
            stack.append(_of_all(operands) if isinstance(step, And) else _of_any(operands))
    required = stack[0]
    return Requirements(required.providers, required.actions, required.literals)


def _of_clause(match: Match) -> _Required:
    whole = frozenset(match.pieces) if len(match.pieces) == 1 else None
    literal = _literal(match)
    return _Required(
        providers=whole if match.field.name == _PROVIDER else None,
        actions=whole if match.field.name == _ACTION else None,
        literals=None if literal is None else frozenset((literal,)),
        of_action=match.field.name == _ACTION,
    )


def _literal(match: Match) -> str | None:
    """Return the longest run of characters that stands in the bytes as it is; the first, if several are as long."""
    if not match.field.verbatim:
        return None
    runs = (run for piece in match.pieces for run in _RUN.findall(piece) if _TELLING.search(run))
    return max(runs, key=len, default=None)


def _of_all(operands: Sequence[_Required]) -> _Required:
    best = max((one for one in operands if one.literals), key=_usefulness, default=_NOTHING)
    return _Required(
        providers=_fewest(one.providers for one in operands),
        actions=_fewest(one.actions for one in operands),
        literals=best.literals,
        of_action=best.of_action,
    )


def _of_any(operands: Sequence[_Required]) -> _Required:
    return _Required(
        providers=_union([one.providers for one in operands]),
        actions=_union([one.actions for one in operands]),
        literals=_union([one.literals for one in operands]),
        of_action=all(one.of_action for one in operands),
    )


def _usefulness(required: _Required) -> tuple[bool, int, int]:
    literals = required.literals or ()
    return (required.of_action, min(map(len, literals), default=0), -len(literals))


def _fewest(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Return the smallest set. Both of two sets hold, but not what they share: a field may have several values."""
    return min((one for one in sets if one is not None), key=len, default=None)


def _union(sets: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    known = [one for one in sets if one is not None]
    return frozenset().union(*known) if len(known) == len(sets) else None
