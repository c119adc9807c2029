"""What a dead letter carries of a message: its bytes, with the session tokens taken out (T7)."""

from __future__ import annotations

from streams.content import gzipped, json_text
from streams.content.compression import decompress
from streams.content.encoding import announced, without_schema_id
from streams.content.redaction import may_hold_token, redact, redact_by_pattern

# What lies beyond the bound of a message is still searched for tokens up to this many times the bound.
_SEARCHED_BEYOND = 8
# Nobody compresses what is compressed so often; it is nothing then, rather than a place to hide a token.
_MOST_PACKINGS = 4


def redact_bytes(content: bytes, limit: int, nesting: int = 0) -> tuple[bytes, bool]:
    """Return the bytes without session tokens, and whether anything was replaced.

    Bytes without a token are returned as they are. What is compressed and holds one is returned decompressed, other
    encodings as UTF-8. Gzip and zlib that are damaged are searched as far as they can be read; what is larger than
    ``limit`` is searched beyond it, and if that finds a token, or no end, only the decompressed beginning is returned.
    Of the other compressions only the beginning is returned if they are damaged or too large: text lies bare in them.
    """
    if nesting > _MOST_PACKINGS:
        return b"", True
    beginning, searched = _beginning(content, limit)
    if beginning or not searched:
        redacted, changed = redact_bytes(beginning, limit, nesting + 1)
        if changed or not searched:
            return redacted, True
    redacted = _redact(content)
    return redacted, redacted is not content


def _redact(content: bytes) -> bytes:
    json = without_schema_id(content)
    if json is not content:
        redacted = _redact(json)
        return content if redacted is json else content[: -len(json)] + redacted
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


def _beginning(content: bytes, limit: int) -> tuple[bytes, bool]:
    """The first ``limit`` bytes of what is compressed, and whether all that follows is free of tokens."""
    if content.startswith((gzipped.MAGIC, *gzipped.ZLIB_STARTS)):
        return _beginning_by_pieces(content, limit)
    beginning = decompress(content, limit)
    if beginning is None:
        return b"", True
    return beginning.content, beginning.damage is None and not beginning.is_larger


def _beginning_by_pieces(compressed: bytes, limit: int) -> tuple[bytes, bool]:
    """The first ``limit`` bytes of gzip or zlib, or those before its damage; and whether what follows has no token."""
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
