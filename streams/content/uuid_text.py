"""UUIDs of names, as text."""

from __future__ import annotations

from hashlib import sha1

_DIGITS = 32
_VARIANT = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}  # two bits of each UUID say its kind


def uuid5_text(namespace: bytes, name: bytes) -> str:
    """Return ``str(uuid5(namespace, name))``, without the object between."""
    digits = sha1(namespace + name, usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:_DIGITS]}"
