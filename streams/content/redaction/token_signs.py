r"""Signs of session tokens in JSON that orjson wrote: one look at all of its text, with vector instructions (T7).

Rules:
- What orjson writes has every text in it, at most with more backslashes. Control characters are ``\u00XX``, and other
  characters are themselves. So it shows every sign that a search of each text would look for.
- A sign is the name of a token, an escape or letter that can hide one, and base64 that can. Without a sign, nothing of
  the value has to be replaced. With one, perhaps nothing has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ahocorasick_rs import BytesAhoCorasick, MatchKind
from stringzilla import count, find, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG_RUN = 32
"""How many characters base64 has at least, to count as such."""

_KEY = b"sessiontoken"
# Escapes, the sign for kelvin, whose small letter is a "k", starts of base64, and one that another sign would hide.
# All letters are small and "-" is "_".
_ALONE = (b"\\u00", b"\\u212a", "\u212a".encode(), b"h4si", b"eyj", b"w3s", b"k_eyj")
# The end of the name, also with a sign in it.
_OF_NAMES = (b"oken", b"o_k", b"k_e", b"e_n", b"o__", b"k__", b"e__")
_SIGNS = BytesAhoCorasick((*_ALONE, *_OF_NAMES), matchkind=MatchKind.LeftmostFirst)
_SMALL = bytes(range(256)).lower().replace(b"-", b"_")
_AROUND = 2 * len(_KEY)

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\\"
_RUNS = bytes(ord("0") if byte in _BASE64 else ord('"') if byte in b"\"'" else ord(" ") for byte in range(256))
_RUN = b'"' + b"0" * LONG_RUN


def signs(written: bytes) -> Sequence[tuple[int, int]]:
    """Return where signs are, but for base64 without a known start: their first bytes, and those behind their last."""
    small = translate(written, _SMALL)
    return [
        (start, end)
        for sign, start, end in _SIGNS.find_matches_as_indexes(small)
        if sign < len(_ALONE) or _may_be_name(small, start, end)
    ]


def brackets(written: bytes) -> int:
    """Return how many brackets open, those in texts too: no value is nested deeper."""
    objects: int = count(written, b"{")
    lists: int = count(written, b"[")
    return objects + lists


def runs(written: bytes) -> bytes:
    """Return what ``next_run`` searches: every quote as one, every character of base64 and of its escapes as "0"."""
    found: bytes = translate(written, _RUNS)
    return found


def next_run(found: bytes, start: int) -> int:
    """Return where the next quote is with a long run of base64 behind it; -1 if there is none."""
    at: int = find(found, _RUN, start)
    return at


def _may_be_name(small: bytes, start: int, end: int) -> bool:
    around = small[max(0, start - _AROUND) : end + _AROUND]
    if b"__" in around:  # any number of them may be in the name
        around = small
    return _KEY in around.replace(b"_", b"")
