"""The bytes of a message, or of an element, for a dead letter: without session tokens (T7)."""

from __future__ import annotations

from streams.content import gzipped, json_text
from streams.content.compression import decompress
from streams.content.encoding import announced, without_schema_id
from streams.content.redaction.redact import may_hold_token, redact, redact_by_pattern

# Content beyond the bound of a message is searched for tokens, up to this many times the bound.
_SEARCHED_BEYOND = 8
# No forwarder compresses a value more often. Such a value becomes empty, because it could hide a token.
_MOST_PACKINGS = 4


def redact_bytes(content: bytes, limit: int, nesting: int = 0) -> tuple[bytes, bool]:
    """Return the bytes without session tokens, and whether anything was replaced.

    - Bytes without a token are returned unchanged.
    - Compressed bytes with a token are returned decompressed, other encodings as UTF-8.
    - Damaged gzip and zlib are searched as far as they can be read.
    - Gzip and zlib with more than ``limit`` bytes are searched beyond the limit. If that finds a token, or does not
      reach the end, only the first ``limit`` bytes are returned, decompressed.
    - If another compression is damaged or too large, only its beginning is returned, because it may contain plain text.

    Args:
        content: the bytes.
        limit: the bound of a message in bytes, decompressed.
        nesting: how many compressions were removed already.
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
    # One byte too many shifts all letters behind it. A reader that starts a byte later must find no token either.
    # A cut last letter shifts nothing.
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
    # Also if parsing found no token: if a key comes twice, parsing sees only its last value.
    by_pattern = redact_by_pattern(decoded)
    return text if by_pattern is decoded else by_pattern.encode("utf-8", "surrogateescape")


def _beginning(content: bytes, limit: int) -> tuple[bytes, bool]:
    """Return the first ``limit`` decompressed bytes, and whether everything behind them is known to hold no token."""
    if content.startswith((gzipped.MAGIC, *gzipped.ZLIB_STARTS)):
        return _beginning_by_pieces(content, limit)
    beginning = decompress(content, limit)
    if beginning is None:
        return b"", True
    return beginning.content, beginning.damage is None and not beginning.is_larger


def _beginning_by_pieces(compressed: bytes, limit: int) -> tuple[bytes, bool]:
    """As ``_beginning``, for gzip or zlib; the bytes end before its damage."""
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
