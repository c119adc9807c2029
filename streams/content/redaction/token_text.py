r"""Session tokens in text that is not JSON, is cut JSON, or only looks like JSON (T7).

Rules:
- The key may be plain or have escapes of any depth (``\"sessionToken\"``, ``\u0073essionToken``, ``\\u0022``), in any
  case, with ``_`` or ``-`` between its words. Behind it comes ``:``, ``=``, ``=>``, ``%3D``, the ``>`` of a tag, or,
  if the key is itself a value, the word ``value``.
- A quoted value ends before the closing quote of its own depth of escaping, or at the end of a text that was cut. An
  unquoted value (``{sessionToken=FwoG…, expiration=…}``, the text form of a Java map) ends at a delimiter.
- If the text between the key and its value is damaged, everything that is long enough for a token is replaced.
- Each search takes time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import re

from stringzilla import find, translate

REDACTED = "REDACTED"

# In text, a character may be escaped, and the backslash of the escape may be escaped too, to any depth. Possessive
# quantifiers keep long runs of backslashes linear. NUL between letters is UTF-16 without a byte order mark. The pattern
# begins with a set of characters and has no flags, because only then the search skips to these characters quickly.
_DEEPER = r"\\*+(?:u005[cC]\\*+)*+"
_BACKSLASHES = rf"(?<!\\)(?<!\\u005[cC])\\{_DEEPER}"
_FIRST_LETTER = rf"[sS\\](?:(?<=[sS])|(?<=\\)(?<!\\\\)(?<!\\u005[cC]\\){_DEEPER}u00[75]3)\x00*+"


def _letter(letter: str) -> str:
    lower, upper = (f"{ord(case):02x}" for case in (letter, letter.upper()))
    codes = "|".join({lower, lower.upper(), upper, upper.upper()})
    return rf"(?:[{letter}{letter.upper()}]|{_BACKSLASHES}u00(?:{codes}))\x00*+"


_KEY_PATTERN = rf"{_FIRST_LETTER}{''.join(map(_letter, 'ession'))}[_-]?\x00*{''.join(map(_letter, 'token'))}"
_QUOTE = rf"""(?:(?:{_BACKSLASHES})?["']|{_BACKSLASHES}u002[27])\x00*+"""
_BLANK = rf"(?:[\s\x00\[]|{_BACKSLASHES}(?:[nrt]|u00(?:20|09|0[aAdD])))*+"
_SEPARATOR = rf"(?:[:=>]|%3[aAdD]|{_BACKSLASHES}u003[aAdDeE]){{1,2}}+"
# "key": "sessionToken", "value": …, also of OpenTelemetry's {"stringValue": …}
_BESIDE = rf",{_BLANK}{_QUOTE}[vV]alue{_QUOTE}{_BLANK}:{_BLANK}(?:\{{{_BLANK}{_QUOTE}stringValue{_QUOTE}{_BLANK}:)?"
_BEFORE_VALUE = re.compile(
    rf"{_KEY_PATTERN}(?:{_QUOTE})?{_BLANK}(?:{_SEPARATOR}|{_BESIDE}){_BLANK}(?P<quote>{_QUOTE})?"
)
_QUOTES = re.compile(r"""(?<!\\)(?P<depth>\\*+)(?P<mark>["'])""")
_ANY_QUOTE = re.compile(_QUOTE)
_BARE_VALUE = re.compile(r"""(?:[^\s,;&<>(){}\[\]"'\\]|\\++(?:/|u[0-9a-f]{4}))*+""", re.IGNORECASE)
# No word of AWS that could follow is this long, and no token is shorter.
_AFTER_DAMAGE = re.compile(rf"(?P<key>{_KEY_PATTERN}[^A-Za-z0-9]{{1,16}}+)[A-Za-z0-9+/_-]{{20,}}+")
_SMALL = bytes(range(256)).lower().replace(b"-", b"_")
_OF_SECOND_WORD = (b"\\u", b"\0", "\u212a".encode())
_NO_SECRET = frozenset({"", "null", REDACTED})


def replace_tokens(text: str) -> str:
    """Return the text with the value of every ``sessionToken`` replaced; the same object if it holds none."""
    if not may_hold_key(text):
        return text
    kept: list[str] = []
    position = 0
    for match in _BEFORE_VALUE.finditer(text):
        start = match.end()
        if start < position:
            continue
        end = _value_end(text, start, match["quote"])
        if text[start:end] not in _NO_SECRET:
            kept += text[position:start], REDACTED
            position = end
    kept.append(text[position:])
    replaced, damaged = _AFTER_DAMAGE.subn(rf"\g<key>{REDACTED}", "".join(kept))
    return replaced if damaged or len(kept) > 1 else text


def may_hold_key(text: str) -> bool:
    """Test quickly for the words, an escape, or letters with NUL between them; nearly no text has one.

    The second word may have signs in it as a key of JSON, and an escape of a letter that is small as a "k".
    """
    small = translate(text.encode("utf-8", "surrogatepass"), _SMALL)
    if find(small, b"\\u00") >= 0 or find(small, b"s\0") >= 0:
        return True
    if find(small, b"session") < 0:
        return False
    return b"token" in small.replace(b"_", b"") or any(find(small, sign) >= 0 for sign in _OF_SECOND_WORD)


def _value_end(text: str, start: int, quote: str | None) -> int:
    if quote is None:
        bare = _BARE_VALUE.match(text, start)
        return bare.end() if bare else start
    if "u" in quote:
        closing = _ANY_QUOTE.search(text, start)
        return closing.start() if closing else len(text)
    depth = quote.count("\\")
    for closing in _QUOTES.finditer(text, start):
        if closing["mark"] in quote and len(closing["depth"]) <= depth:
            return closing.start()
    return len(text)
