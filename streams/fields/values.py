"""The text of a value: everything in a query, and every term, is text.

Rules:
- Text is itself, ``true`` and ``false`` are words, and whole numbers are decimal: 5, 5.0 and 5e0 are all ``5``.
- Any other number is written in the shortest form that Python reads back as the same number, such as ``0.1``.
- Nothing else is a value: null, the texts "", "-" and "none", objects, numbers that are not finite, and numbers that
  are longer than 100 characters.
"""

from __future__ import annotations

import ipaddress
import math
from typing import Any

from streams.content.json_text import NumberText

NO_VALUES = frozenset({"", "-", "none"})
"""The texts that stand for a missing value."""

_MOST_CHARACTERS = 100
_TOO_LONG = 10**_MOST_CHARACTERS


def text_of(value: Any) -> str | None:
    """Return the text of a JSON value; ``None`` if it is no value."""
    if isinstance(value, str):
        return None if value in NO_VALUES or isinstance(value, NumberText) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        if not value.is_integer():
            return repr(value)
        value = int(value)
    if isinstance(value, int) and -_TOO_LONG < value < _TOO_LONG:
        text = str(value)
        return text if len(text) <= _MOST_CHARACTERS else None
    return None


def canonical_address(text: str) -> str | None:
    """Return an IP address in canonical form; ``None`` if the text is none.

    IPv4 is dotted, IPv6 is as in RFC 5952, and an IPv4-mapped address is the IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.scope_id is not None:
        return None  # a zone is known to one machine only
    return str(address.ipv4_mapped or address)
