"""A description of bytes that rootwatch cannot read, without their values.

It only describes. ``pipeline.sight`` decides whether a message can be read.
"""

from __future__ import annotations

import re

from streams.content import json_text

# First bytes from the formats' specifications. The longest first, if one begins like another.
_MAGIC = (
    (b"Obj\x01", "Avro object container"),
    (b"\xc3\x01", "Avro single-object encoding"),
    (b"PAR1", "Parquet"),
    (b"ORC", "ORC"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "an LZ4 frame"),
    (b"\xff\x06\x00\x00sNaPpY", "a Snappy frame"),
    (b"\x82SNAPPY\x00", "Snappy as Java writes it"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xf3\x89\x9a\xc2", "records that Kinesis' producer library aggregated"),
)
_CONFLUENT_HEADER = 5  # a zero byte and the schema's id, in Confluent's wire format
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_BLANKS = b" \t\r\n"
# A name that a forwarder gives. A longer key, or one with other characters, may be data.
_KEY = re.compile(r"[A-Za-z_@$][\w@$.-]{0,39}", re.ASCII)
_MOST_KEYS = 6


def describe(value: bytes) -> str:
    """Describe what a message looks like, such as ``base64 text`` or ``Parquet``."""
    for magic, name in _MAGIC:
        if value.startswith(magic):
            return name
    if value.startswith(_ZLIB):
        return "zlib"
    if value[:1] == b"\x00" and len(value) > _CONFLUENT_HEADER:
        return "Confluent's wire format (a schema registry's Avro, Protobuf or JSON)"
    text = value.strip(_BLANKS)
    if _BASE64.fullmatch(text.replace(b"\r\n", b"").replace(b"\n", b"")):
        return "base64 text"
    return _describe_json(text) if text[:1] in (b"{", b"[", b'"') else _describe_text(value)


def _describe_json(text: bytes) -> str:
    try:
        document = json_text.parse(text)
    except (json_text.MalformedJsonError, json_text.TooDeepError):
        return "JSON that is cut, damaged or followed by something"
    if isinstance(document, dict):
        keys = [key for key in document if _KEY.fullmatch(key)][:_MOST_KEYS]
        return f"JSON with the keys {', '.join(keys)}" if keys else "a JSON object"
    return "a JSON array" if isinstance(document, list) else "a JSON string"


def _describe_text(value: bytes) -> str:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return "binary data"
    return "text that is not JSON"
