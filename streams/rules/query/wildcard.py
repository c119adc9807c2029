"""Texts with stars → a function over a value (U1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def compile_texts(texts: Iterable[tuple[str, ...]]) -> Callable[[str], bool]:
    """Return the test whether a value is one of the texts, each given by its pieces between the stars."""
    plain: set[str] = set()
    starts: list[str] = []
    ends: list[str] = []
    tests: list[Callable[[str], bool]] = []
    for pieces in texts:
        match pieces:
            case (text,):
                plain.add(text)
            case (start, ""):
                starts.append(start)
            case ("", end):
                ends.append(end)
            case _:
                tests.append(_compile_pieces(pieces))
    if starts:
        tests.insert(0, _starting_with(tuple(starts)))
    if ends:
        tests.insert(0, _ending_with(tuple(ends)))
    if plain:
        tests.insert(0, frozenset(plain).__contains__)
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)


def _starting_with(starts: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda value: value.startswith(starts)


def _ending_with(ends: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda value: value.endswith(ends)


def _compile_pieces(pieces: tuple[str, ...]) -> Callable[[str], bool]:
    """Return the test of one text with stars.

    Each piece is looked for once, behind the one before it: if a value matches at all, it matches with each piece at
    its first place. So no piece is tried at several places, as a regular expression would do.
    """
    start, *inner, end = pieces
    if not start and not end and len(inner) == 1:
        (piece,) = inner
        return lambda value: piece in value
    least = sum(map(len, pieces))

    def test(value: str) -> bool:
        if len(value) < least or not value.startswith(start) or not value.endswith(end):
            return False
        position = len(start)
        stop = len(value) - len(end)
        for piece in inner:
            position = value.find(piece, position, stop)
            if position < 0:
                return False
            position += len(piece)
        return True

    return test
