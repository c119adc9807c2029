"""Text as UTF-8, whatever encoding its byte order mark announces, without what a serializer put before it."""

from __future__ import annotations

import codecs

# The longest first: UTF-32's mark starts like that of UTF-16.
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


# Confluent's JSON serializer writes a zero and a schema's id before the JSON:
# https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
_SCHEMA_ID = 5
_JSON_STARTS = (b"{", b"[", b'"')


class NotTextError(ValueError):
    """The bytes are not what their byte order mark announces."""


def announced(value: bytes) -> tuple[str, bytes]:
    """Return the encoding that a byte order mark announces, UTF-8 without one, and what follows the mark."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if value.startswith(mark):
            return encoding, value[len(mark) :]
    return "utf-8", value


def to_utf8(value: bytes) -> bytes:
    """Return the text as UTF-8 without a byte order mark; whether UTF-8 is valid is left to the parser.

    Raises:
        NotTextError: the bytes are not in the encoding that their mark announces.
    """
    encoding, text = announced(value)
    if encoding == "utf-8":
        return text
    try:
        return text.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as error:
        raise NotTextError(f"no {encoding} at byte {error.start}, which its byte order mark announces") from None


def without_schema_id(value: bytes) -> bytes:
    """Return the JSON behind the five bytes of Confluent's wire format; any other value as it is."""
    if not value.startswith(b"\0"):
        return value
    behind = value[_SCHEMA_ID : _SCHEMA_ID + 64].removeprefix(codecs.BOM_UTF8).lstrip()
    return value[_SCHEMA_ID:] if behind.startswith(_JSON_STARTS) else value
