"""Objects and lists that somebody wrote as text: JSON, or as Java writes a map."""

from __future__ import annotations

from typing import Any

from streams.content import java_map, json_text


def parse(text: str) -> Any:
    """Read the value; ``None`` if the text is neither."""
    for read in (json_text.parse, java_map.parse, java_map.parse_list):
        try:
            return read(text)
        except (json_text.MalformedJsonError, java_map.NoJavaMapError):
            continue
    return None
