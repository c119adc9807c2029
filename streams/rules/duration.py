"""Durations in rule files, settings and options: ``10d``, ``5m``, ``1d12h``."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_WRITTEN_UNITS = (*((unit, _UNITS[unit]) for unit in "dhms"), ("ms", 1))
_PART = re.compile(r"([0-9]+)([wdhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def milliseconds(text: str) -> int:
    """Return the milliseconds of a duration: one or more whole numbers, each with a unit (w, d, h, m or s).

    Raises:
        ValueError: the text is anything else, such as a number without a unit.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a duration: write whole numbers with units w, d, h, m or s, such as 10d or 1d12h"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(length: int) -> str:
    """Write ``length`` milliseconds as settings do, in the largest unit that divides it, up to days."""
    return next(f"{length // size}{unit}" for unit, size in _WRITTEN_UNITS if length % size == 0)
