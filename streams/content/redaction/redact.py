"""Redaction: session tokens are replaced in everything that leaves the process (T7).

Rules:
- In JSON, the value of every key that ends in ``sessionToken`` (any case, ``_`` or ``-`` between the words) becomes
  ``REDACTED``, whatever its type, at any depth. Every other string is searched as text.
- So does the ``value`` beside a ``key`` or ``name`` of that name: OpenTelemetry and tags write members so.
- Text that is JSON is redacted as JSON, all other text by pattern (``token_text.py``).
- Base64 becomes ``REDACTED`` as a whole if its content, compressed or not, holds a token.
- A value without a token is returned as the same object, so ``is`` shows whether anything was replaced.
- In doubt, more is redacted, never less.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from stringzilla import find

from streams.content import gzipped, json_text
from streams.content.compression import decompress
from streams.content.json_text import MAX_DEPTH, TooDeepError
from streams.content.redaction.token_signs import LONG_RUN, brackets, next_run, runs, signs
from streams.content.redaction.token_text import REDACTED, may_hold_key, replace_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = "sessiontoken"
_KEY_ENDS = frozenset("nN_-")
_KEYS_OF_NAMES = ("key", "Key", "name", "Name")

# Gzip, {" and [{ begin so in base64 and are found anywhere. Other content is found at the start of a text or a quote.
_BASE64 = re.compile(
    r"(?:H4sI|eyJ|W3s|(?:\A|(?<=[\"']))(?=[A-Za-z0-9+/\\]{32}))"
    r"(?:[A-Za-z0-9+/=_-]|\\++(?:/|u00(?:2[bBfF]|3[dD])))*+"
)
_BASE64_ESCAPE = re.compile(r"\\+(?:u00([0-9a-fA-F]{2})|(?=/))")
_WRITTEN_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
# What is before a text and its first quote. Inside a text, a backslash is before each quote.
_BEFORE_TEXT = (b':"', b',"', b'["', b'{"')
# An object or list is looked at as a whole down to this depth only: each look takes time in proportion to its size.
_WHOLE_DEPTH = 3
_BASE64_NESTING = 4
_LONGEST_REMEMBERED = 256
# Compressed content in base64 may grow by this factor. Above it, the content counts as unreadable, and so as secret.
_MOST_EXPANSION = 100


def redact(value: Any) -> Any:
    """Return the JSON value with every session token replaced; the same object if it holds none.

    Raises:
        TooDeepError: the value is nested deeper than ``json_text.MAX_DEPTH``.
    """
    return _redact(value, 0)


def redact_text(text: str) -> str:
    """Return the text with every session token replaced; the same object if it holds none."""
    return _redact_text(text, 0, 0)


def may_hold_token(text: str) -> bool:
    """Test quickly whether the text has to be searched; nearly no text has."""
    return may_hold_key(text) or _may_hold_base64(text)


def is_kept(text: str) -> bool:
    """Whether ``redact_text`` replaces nothing; what it says of short texts is remembered, because they recur."""
    if len(text) <= len(_KEY):
        return True
    return _is_kept(text) if len(text) <= _LONGEST_REMEMBERED else redact_text(text) is text


@lru_cache(maxsize=1024)
def _is_kept(text: str) -> bool:
    return redact_text(text) is text


def redact_by_pattern(text: str) -> str:
    """As ``redact_text``, for text that is not JSON, or only looks like it."""
    return _redact_base64(replace_tokens(text), 0)


def hides_nothing(written: bytes) -> bool:
    """Whether no text of JSON that orjson wrote, and that shows no sign of a token, hides one in base64.

    There are at most ``json_text.MAX_DEPTH`` brackets in it.
    """
    found = runs(written)
    quote = next_run(found, 0)
    while quote >= 0:
        start = quote
        if not written.startswith(b'"', start) or written.startswith(b"\\", start - 1):  # inside a text
            start = 1 + max(written.rfind(before, 0, quote) for before in _BEFORE_TEXT)
        text = _WRITTEN_TEXT.match(written, start)
        if text is None or _is_changed(text[0], is_run=start == quote):
            return False
        quote = next_run(found, text.end())
    return True


def _is_changed(text: bytes, *, is_run: bool) -> bool:
    """Whether anything in a text, as JSON has it, is replaced; ``is_run``: it begins with a long run of base64."""
    if is_run and b"\\" not in text:
        run = _BASE64.fullmatch(text[1:-1].decode())
        if run is not None:
            return _hides_token(run[0], 0)
    plain = orjson.loads(text)
    return _redact_text(plain, 0, 0) is not plain


def _redact(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise TooDeepError
    match value:
        case str():
            return _redact_text(value, depth, 0)
        case dict():
            return value if _is_clean(value, depth) else _redact_members(value, depth)
        case list():
            if _is_clean(value, depth):
                return value
            items = [_redact(item, depth + 1) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _is_clean(value: dict[str, Any] | list[Any], depth: int) -> bool:
    """Whether nothing in an object or list has to be searched, by one look at all of its text; most records are clean.

    It is false for what may be nested too deeply.
    """
    if depth > _WHOLE_DEPTH:
        return False
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, or deeply nested
        return False
    if depth + brackets(written) > MAX_DEPTH:
        return False
    return not signs(written) and hides_nothing(written)


def _redact_members(members: dict[str, Any], depth: int) -> dict[str, Any]:
    if members and depth == MAX_DEPTH:
        raise TooDeepError
    redacted: dict[str, Any] = {}
    changed = False
    has_value = "value" in members or "Value" in members
    named = has_value and any(isinstance(name := members.get(key), str) and is_secret(name) for key in _KEYS_OF_NAMES)
    for key, old in members.items():
        # A short name of letters and digits alone holds no value of a token.
        new_key = key if len(key) < LONG_RUN and key.isalnum() else _redact_text(key, depth, 0)
        if is_secret(key) or (named and key in ("value", "Value")):
            new = _secret(old)
        elif isinstance(old, str):
            new = old if len(old) <= len(_KEY) else _redact_text(old, depth + 1, 0)
        else:
            new = old if isinstance(old, bool | int | None) else _redact(old, depth + 1)
        changed = changed or new is not old or new_key is not key
        redacted[new_key] = new
    return redacted if changed else members


def is_secret(key: str) -> bool:
    """Whether the value of a key of this name is a session token."""
    if len(key) < len(_KEY) or key[-1] not in _KEY_ENDS:  # nearly all
        return False
    return key.replace("_", "").replace("-", "").lower().endswith(_KEY)


def _secret(value: Any) -> Any:
    return value if value in (None, "", REDACTED) else REDACTED


def _redact_text(text: str, depth: int, nesting: int) -> str:
    if len(text) <= len(_KEY) or not may_hold_token(text):
        return text
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", '"'):
        try:
            document = json_text.parse(text.lstrip("\ufeff"))
            redacted = _redact(document, depth + 1)
        except (json_text.MalformedJsonError, TooDeepError):
            pass  # by pattern, then
        else:
            if redacted is not document:
                return json_text.compact(redacted)
    return _redact_base64(replace_tokens(text), nesting)


def _redact_base64(text: str, nesting: int) -> str:
    if not _may_hold_base64(text):
        return text
    kept: list[str] = []
    position = 0
    for match in _runs_of_base64(text):
        if len(match[0]) >= LONG_RUN and _hides_token(match[0], nesting):
            kept += text[position : match.start()], REDACTED
            position = match.end()
    return "".join((*kept, text[position:])) if kept else text


def _may_hold_base64(text: str) -> bool:
    if len(text) < LONG_RUN:
        return False
    quoted = _quoted(text)
    return _has_known_start(quoted) or next_run(runs(quoted), 0) >= 0


def _has_known_start(text: bytes) -> bool:
    return any([find(text, b"H4sI") >= 0, find(text, b"eyJ") >= 0, find(text, b"W3s") >= 0])


def _quoted(text: str) -> bytes:
    """Return the text behind a quote, so that its beginning is found as what is behind any other quote."""
    return b'"' + text.encode("utf-8", "surrogatepass")


def _runs_of_base64(text: str) -> Iterator[re.Match[str]]:
    """Find all that may be base64. If it can only be behind quotes, these are found a hundred times as fast."""
    quoted = _quoted(text)
    if not text.isascii() or _has_known_start(quoted):
        yield from _BASE64.finditer(text)
        return
    found = runs(quoted)
    start = next_run(found, 0)  # in what is quoted, which is one longer: here the base64 begins, there its quote
    while start >= 0:
        match = _BASE64.match(text, start)
        if match is not None:
            yield match
        start = next_run(found, start + 1 if match is None else match.end() + 1)


def _hides_token(run: str, nesting: int) -> bool:
    """Whether a run of base64, perhaps cut, holds a session token in gzip or text."""
    if nesting >= _BASE64_NESTING:
        return True
    plain = run
    if "\\" in run:
        plain = _BASE64_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else "", run)
    digits = plain.replace("-", "+").replace("_", "/")
    # Padding ends base64. What follows it in the same run is another value, or not base64.
    for part in digits.split("="):  # noqa: SIM110  any() with a generator takes twice as long
        if part and _hides_token_in(part, nesting):
            return True
    return False


def _hides_token_in(digits: str, nesting: int) -> bool:
    if len(digits) % 4 == 1:
        digits = digits[:-1]  # one digit alone holds no byte
    content = binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    unpacked = decompress(content, len(digits) * _MOST_EXPANSION)
    if unpacked is not None:
        is_searchable = content.startswith((gzipped.MAGIC, *gzipped.ZLIB_STARTS))
        if unpacked.is_larger or (unpacked.damage is not None and not is_searchable):
            return True
        content = unpacked.content  # a reader gets only what is before the damage
    if not may_hold_token(content.decode("latin-1")):  # that takes a fraction of the time, and keeps ASCII as it is
        return False
    hidden = content.decode("utf-8", "replace")
    return _redact_text(hidden, 0, nesting + 1) is not hidden
