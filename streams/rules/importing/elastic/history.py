"""``history_window_start`` → the window of a rule (U12)."""

from __future__ import annotations

import re

from streams.rules.duration import format_duration, milliseconds
from streams.rules.rule_errors import shown

_WINDOW = re.compile(r"now((?:-[0-9]{1,9}[smhHdw])+)")
_ALLOWED = 'write "now-" and a number of s, m, h, d or w, such as now-10d'


def window(start: object) -> str:
    """Return the window of a rule that compares with history from this time on, such as ``10d`` for ``now-10d``.

    Raises:
        ValueError: the time is another one; the message says why it is no window, and what is allowed.
    """
    if start is None:
        raise ValueError(f"is missing; {_ALLOWED}")
    found = _WINDOW.fullmatch(start.strip()) if isinstance(start, str) else None
    if found is None:
        raise ValueError(f"{shown(start)}: {_why(str(start))}; {_ALLOWED}")
    length = sum(milliseconds(part.lower()) for part in found[1].split("-")[1:])
    if not length:
        raise ValueError(f"{shown(start)}: the window is empty; {_ALLOWED}")
    return format_duration(length)


def _why(start: str) -> str:
    if "||" in start or re.match(r"\s*[0-9]{4}-", start):
        return "a date does not move on, so it is no window"
    if "/" in start:
        return "a rounded time makes a window of changing length"
    if re.search(r"[0-9][My]", start):
        return "months and years have no fixed length"
    return "it is not understood"
