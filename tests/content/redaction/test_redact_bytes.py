from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from cloudtrail_messages import MISSING, PACKINGS, RECORD, SHAPES, TOKEN, awslogs, changed
from compressed import COMPRESSIONS
from hypothesis import given
from hypothesis import strategies as st
from sightings import RULES

from streams.content.compression import Beginning, decompress
from streams.content.redaction.redact_bytes import redact_bytes
from streams.pipeline import ExtractSettings, sight

LIMIT = 1_000_000
TEXT = json.dumps(RECORD)
SECRET = TOKEN[12:40].encode()
INCOMPLETE = changed({"userIdentity": MISSING})


def shown(content: bytes) -> str:
    """Everything that a reader could find in the content."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return (
        content.decode("utf-8", "replace")
        + content.decode("utf-16", "replace")
        + content.decode("utf-16-be", "replace")
    )


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_dead_letter_carries_a_token(shape: str, packing: str) -> None:
    """T7: in any shape and compression, no dead letter of an incomplete record and no sighting shows a token."""
    for record in (RECORD, INCOMPLETE):
        result = sight(
            PACKINGS[packing](SHAPES[shape](record, json.dumps)), RULES, ExtractSettings(max_message_size=LIMIT)
        )
        assert result.sightings or result.rejected
        for rejected in result.rejected:
            assert rejected.redacted
            assert SECRET.decode() not in shown(rejected.content)
            assert "REDACTED" in shown(rejected.content)
        for sighting in result.sightings:
            assert SECRET.decode() not in repr(sighting)


@given(st.sampled_from(sorted(SHAPES)), st.sampled_from(["plain", "utf-16", "gzip", "gzip-members"]), st.data())
def test_no_damaged_message_shows_a_token(shape: str, packing: str, data: st.DataObject) -> None:
    """R3, T7: the dead letter of a message that was cut anywhere holds no long part of the token."""
    value = PACKINGS[packing](SHAPES[shape](RECORD, json.dumps))
    value = value[: data.draw(st.integers(len(value) // 3, len(value) - 1))]
    for rejected in sight(value, RULES, ExtractSettings(max_message_size=LIMIT)).rejected:
        content = rejected.content
        if content.startswith(b"\x1f\x8b"):
            content = b""  # it holds no readable token, or it would have been decompressed
        assert SECRET not in content.replace(b"\x00", b"").replace(b"\\", b"")


@pytest.mark.parametrize("packing", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("extra", [b"x", b"\0", b"\xdc"])
def test_text_that_is_out_of_step_shows_no_token(packing: str, extra: bytes) -> None:
    """R3, T7: one byte too many shifts all letters behind it; a reader that shifts them back must find no token."""
    encoded = f"\ufeff{TEXT}".encode(packing)
    for place in (5, 8, 40, 41):
        value = encoded[:place] + extra + encoded[place:]
        for damaged in (value, gzip.compress(value)):
            content, redacted = redact_bytes(damaged, LIMIT)
            assert redacted
            assert SECRET not in content.replace(b"\0", b"")


WITHOUT_TOKEN: dict[str, bytes] = {
    "JSON": b'{"a":  1}',
    "text": b"hello \xff\xfe",
    "UTF-16": "hello".encode("utf-16"),
    "gzip": gzip.compress(b'{"a": 1}'),
    "cut gzip": gzip.compress(b'{"a": 1}' * 50)[:-9],
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "nothing": b"",
    "gzip beyond the bound": gzip.compress(b" " * (LIMIT + 1)),
}


@pytest.mark.parametrize("name", WITHOUT_TOKEN)
def test_bytes_without_a_token_are_kept_as_they_came(name: str) -> None:
    """R3, T7: a dead letter without a token is the original, to the byte."""
    assert redact_bytes(WITHOUT_TOKEN[name], LIMIT) == (WITHOUT_TOKEN[name], False)


def test_gzip_with_a_token_is_stored_decompressed() -> None:
    """T7: the redacted text replaces the compressed bytes."""
    content, redacted = redact_bytes(gzip.compress(TEXT.encode()), LIMIT)
    assert redacted
    assert json.loads(content) == changed({"responseElements.credentials.sessionToken": "REDACTED"})


HIDDEN: dict[str, bytes] = {
    "cut gzip": gzip.compress(TEXT.encode() + b" " * 5000 + bytes(range(256)) * 4)[:-60],
    "gzip with a wrong checksum": gzip.compress(TEXT.encode())[:-8] + bytes(8),
    "stored, not compressed, and cut": gzip.compress(TEXT.encode(), compresslevel=0)[:-40],
    "plain text behind gzip": gzip.compress(b"{}") + TEXT.encode(),
    "gzip beyond the bound, at its beginning": gzip.compress(TEXT.encode() + b" " * LIMIT),
    "gzip beyond the bound, beyond it": gzip.compress(b" " * (LIMIT + 10) + TEXT.encode()),
    "gzip far beyond the bound": gzip.compress(b" " * (LIMIT * 10) + TEXT.encode()),
    "cut awslogs data": json.dumps(awslogs(RECORD, json.dumps)).encode()[:-30],
    "UTF-16 that is cut": TEXT.encode("utf-16")[:-31],
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-32 without a mark": TEXT.encode("utf-32-be"),
    "invalid UTF-8 around": b"\xff" + TEXT.encode() + b"\xfe",
    "a token that is cut": TEXT.encode()[: TEXT.index(TOKEN) + 45],
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_token_in_unreadable_bytes_is_found(name: str) -> None:
    """R3, T7: damaged gzip, other encodings, cut text and content beyond the bound are searched too."""
    content, redacted = redact_bytes(HIDDEN[name], LIMIT)
    assert redacted
    assert SECRET not in content.replace(b"\x00", b"")
    assert not content.startswith(b"\x1f\x8b") or b"REDACTED" in content


def test_bytes_around_a_token_survive() -> None:
    """T7: only the token's value is replaced, also among bytes that are not text."""
    around: Any = b"\xff\x00\xfe"
    content, _ = redact_bytes(around + b'"sessionToken": "' + TOKEN.encode() + b'"' + around, LIMIT)
    assert content == around + b'"sessionToken": "REDACTED"' + around


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_no_compression_hides_a_token(name: str) -> None:
    """T7, R8: a value with a token is stored decompressed and redacted; a value without one is stored as it came."""
    value = COMPRESSIONS[name](TEXT.encode())
    content, redacted = redact_bytes(value, LIMIT)
    assert redacted
    assert json.loads(content) == changed({"responseElements.credentials.sessionToken": "REDACTED"})
    assert redact_bytes(COMPRESSIONS[name](b'{"a": 1}'), LIMIT) == (COMPRESSIONS[name](b'{"a": 1}'), False)


@pytest.mark.parametrize("name", COMPRESSIONS)
@pytest.mark.parametrize("size", [0, LIMIT + 1])
def test_no_cut_or_too_large_compression_shows_a_token(name: str, size: int) -> None:
    """R3, T7: plain text inside a cut or too large compressed value is removed."""
    value = COMPRESSIONS[name](b" " * size + TEXT.encode() * 3)
    for kept in {*range(0, len(value), max(1, len(value) // 50)), len(value) - 1, len(value)}:
        content, _ = redact_bytes(value[:kept], LIMIT)
        assert SECRET not in content
        assert SECRET not in (decompress(content, 10 * LIMIT) or Beginning(b"")).content


def test_no_compression_of_a_compression_hides_a_token() -> None:
    """T7: a value that was compressed several times is searched to its innermost content, or is not kept."""
    value = TEXT.encode()
    for name in sorted(COMPRESSIONS):
        value = COMPRESSIONS[name](value)
        content, redacted = redact_bytes(value, LIMIT)
        assert redacted
        assert content == b"" or json.loads(content)["responseElements"]["credentials"]["sessionToken"] == "REDACTED"


def test_a_token_behind_the_id_of_a_schema_goes_alone() -> None:
    """T7, R8: the five bytes before the JSON stay."""
    content, redacted = redact_bytes(b"\0\0\0\0\7" + TEXT.encode(), LIMIT)
    assert redacted
    assert content[:5] == b"\0\0\0\0\7"
    assert json.loads(content[5:]) == changed({"responseElements.credentials.sessionToken": "REDACTED"})
