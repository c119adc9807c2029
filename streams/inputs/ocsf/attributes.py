"""The attributes of an OCSF event, by their path."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def at(event: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path such as ``api.service.name``; ``None`` if there is none."""
    found: Any = event
    for key in _keys(path):
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def text_at(event: Mapping[str, Any], *paths: str) -> str | None:
    """Return the first text that is not empty at one of the paths."""
    for path in paths:
        found = at(event, path)
        if isinstance(found, str) and found:
            return found
    return None


@cache
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))
