"""Keys of the state tables: a JSON array without blanks, in ASCII, of the key's kind and what follows it."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

import orjson

from streams.wire.single_object import WireError

__all__ = ["parts_of", "quoted", "to_bytes", "unknown"]

# The libraries may write escapes in different ways, and only one of them escapes this control character.
_ESCAPE, _DELETE = b"\\", b"\x7f"


def to_bytes(*parts: str | int) -> bytes:
    """Return the stored key; its first part is the kind."""
    return f"[{','.join([quoted(part) if isinstance(part, str) else str(part) for part in parts])}]".encode("ascii")


def parts_of(key: bytes) -> list[Any]:
    """Return the parts of a stored key; none if ``to_bytes`` does not write such a key."""
    if key.isascii() and _ESCAPE not in key and _DELETE not in key:
        # Such keys are written alike by both libraries, and this one is much faster.
        try:
            parts = orjson.loads(key)
            if type(parts) is list and orjson.dumps(parts) == key:
                return parts
        except (ValueError, TypeError):
            pass
    return _parts_of_any(key)


def _parts_of_any(key: bytes) -> list[Any]:
    try:
        parts = json.loads(key)
        if type(parts) is list and json.dumps(parts, separators=(",", ":")).encode("ascii") == key:
            return parts
    except (ValueError, RecursionError):
        pass
    return []


def unknown(key: bytes) -> WireError:
    """Return the error for a key that does not have a form of this version."""
    return WireError(
        f"state key {key!r}: this version writes no such key, so a newer version of rootwatch wrote it; "
        "run that version or a later one here"
    )
