"""Text from records made fit to be shown: it is an attacker's to choose."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters, direction marks and lone surrogates as backslash escapes.

    A terminal would obey some of them, and others would let a name look like another one.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
