"""One value of a record, by its path of keys; without lists and dotted keys, see ``path.py`` for these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def value_at(fields: Mapping[str, Any], *path: str) -> Any:
    """Return the value at a path of keys; ``None`` if it is missing."""
    value: Any = fields
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_at(fields: Mapping[str, Any], *path: str) -> str | None:
    """Return the text at a path of keys; ``None`` if it is missing, empty or not text."""
    value = value_at(fields, *path)
    return value if isinstance(value, str) and value else None
