from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.content.gzipped import CorruptGzipError, TooLargeError, inflate, pieces


@given(st.lists(st.binary(max_size=2000), max_size=4), st.integers(0, 600))
def test_members_and_padding_are_read_as_one_content(contents: list[bytes], padding: int) -> None:
    """R1: gzip of several members, each padded by zeros, is the members' content in a row, as in Python's gzip."""
    value = b"".join(gzip.compress(content, mtime=0) + bytes(padding) for content in contents)
    assert gzip.decompress(value) == b"".join(contents)
    assert inflate(value, 10_000) == b"".join(contents)


@given(st.binary(max_size=3000), st.data())
def test_no_cut_gzip_is_taken_for_whole(content: bytes, data: st.DataObject) -> None:
    """R3: every proper beginning of gzip is corrupt."""
    value = gzip.compress(content, mtime=0)
    with pytest.raises(CorruptGzipError):
        inflate(value[: data.draw(st.integers(1, len(value) - 1))], 10_000)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_bound_is_exact(size: int, limit: int) -> None:
    """R3: content of the bound is read, one byte more is too large."""
    value = gzip.compress(bytes(size), mtime=0)
    if size <= limit:
        assert inflate(value, limit) == bytes(size)
    else:
        with pytest.raises(TooLargeError):
            inflate(value, limit)


def test_no_more_is_decompressed_than_the_bound_and_one_piece() -> None:
    """R3: the bound holds while reading: a gigabyte in a megabyte of gzip is left alone after the first pieces."""
    value = gzip.compress(bytes(64 * 1024 * 1024), mtime=0)
    first = next(pieces(value))
    assert len(first) <= 1024 * 1024
    with pytest.raises(TooLargeError):
        inflate(value, 1_000_000)


def test_large_content_comes_whole() -> None:
    """R1: content of many pieces and slices is complete and in order."""
    content = b"".join(b"%09d\n" % number for number in range(500_000))
    assert inflate(gzip.compress(content, compresslevel=1, mtime=0), len(content)) == content


def test_thousands_of_empty_members_are_read() -> None:
    """R3: a value made of empty members is nothing, and costs no more than its length."""
    assert inflate(gzip.compress(b"", mtime=0) * 20_000, 10) == b""


@given(st.binary(min_size=1, max_size=60_000), st.integers(0, 3))
def test_all_before_a_wrong_checksum_can_be_read(content: bytes, level: int) -> None:
    """T7: damage does not hide what was decompressed before it, each byte of it once."""
    value = gzip.compress(content, compresslevel=level, mtime=0)
    damaged = value[:-8] + bytes(byte ^ 0xFF for byte in value[-8:])
    read: list[bytes] = []
    with pytest.raises(CorruptGzipError):
        read.extend(pieces(damaged))
    assert b"".join(read) == content
