"""Objects and lists that a pipeline wrote as text: JSON, or the text form of a Java map."""

from __future__ import annotations

from typing import Any

from streams.content import java_map, json_text


def parse(text: str) -> Any:
    """Read the value; ``None`` if the text is neither form."""
    for read in (json_text.parse, java_map.parse, java_map.parse_list):
        try:
            return read(text)
        except (json_text.MalformedJsonError, java_map.NoJavaMapError):
            continue
    return None
