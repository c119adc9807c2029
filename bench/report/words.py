"""How figures are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NONE = "-"
THREE_DIGITS = 100


def rounded(value: float | None) -> str:
    """Three digits at most, with commas; a dash for what was not measured."""
    if value is None:
        return NONE
    if abs(value) >= THREE_DIGITS:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def ratio(value: float | None) -> str:
    """Two decimals."""
    return NONE if value is None else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text, the others are right-aligned."""
    lines = [f"| {' | '.join(head)} |", f"| --- | {' | '.join('---:' for _ in head[1:])} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
