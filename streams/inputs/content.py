"""What a dead letter carries of a message: its bytes, with the session tokens taken out (T7)."""

from __future__ import annotations

from typing import Any

from streams.detection import gzipped, json_text
from streams.detection.redaction import may_hold_token, redact, redact_by_pattern
from streams.inputs.encoding import announced

# What lies beyond the bound of a message is still searched for tokens up to this many times the bound.
_SEARCHED_BEYOND = 8


def element_content(element: Any) -> bytes | None:
    """Return one element of a message as JSON; ``None`` if it is too deep to be written on its own."""
    try:
        return json_text.compact(element).encode("utf-8")
    except RecursionError:
        return None


def redact_content(content: bytes, limit: int) -> tuple[bytes, bool]:
    """Return the bytes without session tokens, and whether anything was replaced.

    Bytes without a token are returned as they are. Gzip with one is returned decompressed, other encodings as UTF-8.
    Gzip that is damaged is searched as far as it can be read; gzip that is larger than ``limit`` is searched beyond it,
    and if that finds a token, or no end, only the decompressed beginning is returned.
    """
    if content.startswith(gzipped.MAGIC):
        beginning, searched = _beginning(content, limit)
        redacted = _redact(beginning)
        if redacted is not beginning or not searched:
            return redacted, True
    redacted = _redact(content)
    return redacted, redacted is not content


def _redact(content: bytes) -> bytes:
    encoding, text = announced(content)
    if encoding == "utf-8":
        redacted = _redact_utf8(text)
        return content if redacted is text else redacted
    decoded = text.decode(encoding, "replace")
    encoded = decoded.encode("utf-8", "replace")
    redacted = _redact_utf8(encoded)
    # A byte too many puts all letters behind it out of step; who reads it a byte further on must find no token.
    # The last letter may be cut, which puts nothing out of step.
    is_readable = "\ufffd" not in decoded[:-1]
    letters = (redacted.decode("utf-8").encode(encoding) if is_readable else text).replace(b"\0", b"")
    redacted_letters = _redact_utf8(letters)
    if redacted_letters is not letters:
        return redacted_letters
    return content if redacted is encoded else redacted


def _redact_utf8(text: bytes) -> bytes:
    decoded = text.decode("utf-8", "surrogateescape")
    if not may_hold_token(decoded):
        return text
    try:
        document = json_text.parse(text)
        redacted = redact(document)
    except (json_text.MalformedJsonError, json_text.TooDeepError):
        pass
    else:
        if redacted is not document:
            return json_text.compact(redacted).encode("utf-8")
    # Also where parsing found nothing: of a key that comes twice it sees only the last value.
    by_pattern = redact_by_pattern(decoded)
    return text if by_pattern is decoded else by_pattern.encode("utf-8", "surrogateescape")


def _beginning(compressed: bytes, limit: int) -> tuple[bytes, bool]:
    """The first ``limit`` bytes of gzip, or those before its damage; and whether all that follows is free of tokens."""
    beginning = bytearray()
    beyond = 0
    overlap = ""
    try:
        for piece in gzipped.pieces(compressed):
            room = limit - len(beginning)
            beginning += piece[:room]
            rest = piece[room:]
            beyond += len(rest)
            window = overlap + rest.decode("utf-8", "surrogateescape")
            if beyond > limit * _SEARCHED_BEYOND or redact_by_pattern(window) is not window:
                return bytes(beginning), False
            overlap = window[-4096:]
    except gzipped.CorruptGzipError:
        pass
    return bytes(beginning), True
