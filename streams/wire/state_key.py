"""Keys of the state tables: a JSON array without blanks, in ASCII, of the key's kind and what follows it."""

from __future__ import annotations

import json
from typing import Any

from streams.wire.single_object import WireError


def to_bytes(*parts: str | int) -> bytes:
    """Return the stored key; its first part is the kind."""
    return json.dumps(parts, separators=(",", ":")).encode("ascii")


def parts_of(key: bytes) -> Any:
    """Return the parts of a stored key; of bytes that are no key anything else, ``None`` if they are no JSON."""
    try:
        return json.loads(key)
    except (ValueError, RecursionError):
        return None


def unknown(key: bytes) -> WireError:
    """Return the error for a key that does not have a form of this version."""
    return WireError(
        f"state key {key!r}: this version writes no such key, so a newer version of rootwatch wrote it; "
        "run that version or a later one here"
    )
