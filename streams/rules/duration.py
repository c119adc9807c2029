"""Durations as people write them in rule files, settings and options: ``10d``, ``5m``, ``1d12h``."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_WRITTEN_UNITS = (*((unit, _UNITS[unit]) for unit in "dhms"), ("ms", 1))
_PART = re.compile(r"([0-9]+)([wdhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def milliseconds(text: str) -> int:
    """Milliseconds in a duration of one or more whole numbers, each with its unit: w, d, h, m or s.

    Raises:
        ValueError: the text is anything else; a number without a unit as well.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a duration: write whole numbers with units w, d, h, m or s, such as 10d or 1d12h"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(length: int) -> str:
    """A duration of ``length`` milliseconds as settings write it, in the largest unit up to days that divides it."""
    return next(f"{length // size}{unit}" for unit, size in _WRITTEN_UNITS if length % size == 0)
