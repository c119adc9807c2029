"""What an OCSF event keeps under ``unmapped``: the fields of the CloudTrail record that no attribute takes.

Writers differ: Security Lake writes a map of texts whose keys are paths (``requestParameters.roleArn``), others keep
objects, or write all of it as text, in JSON or as Java writes a map. In a map of texts, booleans and numbers are texts,
and the text of a list stays text: a caller's own text may look the same.
"""

from __future__ import annotations

from typing import Any

from streams.content import text_object
from streams.content.json_text import MAX_DEPTH

_MOST_LEVELS = 32
"""CloudTrail's own paths have fewer than 20 levels."""


def fields_of(unmapped: Any) -> dict[str, Any]:
    """Return the fields as nested objects; nothing if there are none, or if they cannot be read."""
    if isinstance(unmapped, str):
        unmapped = text_object.parse(unmapped)
    fields: dict[str, Any] = {}
    if isinstance(unmapped, dict):
        for path, value in unmapped.items():
            if value is not None:
                _put(fields, path, own(value))
    return fields


def _put(fields: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at its path. If a text stands on the way, the rest of the path becomes one key beside that text."""
    parts = path.split(".", _MOST_LEVELS)
    for count, key in enumerate(parts[:-1]):
        below = fields.setdefault(key, {})
        if not isinstance(below, dict):
            fields.setdefault(".".join(parts[count:]), value)
            return
        fields = below
    there = fields.setdefault(parts[-1], value)
    if there is not value and isinstance(there, dict) and isinstance(value, dict):
        merge(there, value)


def merge(fields: dict[str, Any], more: dict[str, Any], depth: int = 0) -> None:
    """Add what is missing, also in the objects of both; what is there stays. What is nested too deeply stays apart."""
    for key, value in more.items():
        there = fields.setdefault(key, value)
        if there is not value and isinstance(there, dict) and isinstance(value, dict) and depth < MAX_DEPTH:
            merge(there, value, depth + 1)


def own(value: Any, depth: int = 0) -> Any:
    """Return the value with its objects copied, so that they can be added to and the event stays as it is."""
    if not isinstance(value, dict) or depth == MAX_DEPTH:
        return value
    return {key: own(member, depth + 1) for key, member in value.items()}
