"""Text as UTF-8, from the encoding that its byte order mark announces, without a serializer's prefix."""

from __future__ import annotations

import codecs

# The longest first: the mark of UTF-32 starts with the mark of UTF-16.
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


# Confluent's JSON serializer writes a zero byte and the schema's id before the JSON:
# https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
_SCHEMA_ID = 5
_JSON_STARTS = (b"{", b"[", b'"')


class NotTextError(ValueError):
    """The bytes are not in the encoding that their byte order mark announces."""


def announced(value: bytes) -> tuple[str, bytes]:
    """Return the encoding that the byte order mark announces (UTF-8 without one), and the bytes behind the mark."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if value.startswith(mark):
            return encoding, value[len(mark) :]
    return "utf-8", value


def to_utf8(value: bytes) -> bytes:
    """Return the text as UTF-8 without a byte order mark. Text that is UTF-8 already is not checked.

    Raises:
        NotTextError: the bytes are not in the encoding that their mark announces.
    """
    encoding, text = announced(value)
    if encoding == "utf-8":
        return text
    try:
        return text.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as error:
        raise NotTextError(f"not {encoding} at byte {error.start}, which its byte order mark announces") from None


def without_schema_id(value: bytes) -> bytes:
    """Return the JSON behind the five bytes of Confluent's wire format; return any other value unchanged."""
    if not value.startswith(b"\0"):
        return value
    behind = value[_SCHEMA_ID : _SCHEMA_ID + 64].removeprefix(codecs.BOM_UTF8).lstrip()
    return value[_SCHEMA_ID:] if behind.startswith(_JSON_STARTS) else value
