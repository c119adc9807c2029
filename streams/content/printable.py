"""Text from records, made safe to show: an attacker may have chosen it."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with control characters, direction marks and lone surrogates as backslash escapes.

    A terminal would obey some of them, and others make one name look like another.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
