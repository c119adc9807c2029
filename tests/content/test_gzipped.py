"""Gzip members in memory and in chunks: whole, cut, damaged and padded."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.content.compression import SizeBudget
from streams.content.gzipped import CorruptError, CorruptGzipError, TooLargeError, pieces, stream


@given(st.lists(st.binary(max_size=2000), max_size=4), st.integers(0, 600))
def test_members_and_padding_are_read_as_one_content(contents: list[bytes], padding: int) -> None:
    """R1: gzip of several members, each padded with zeros, gives their content in a row, as in Python's gzip."""
    value = b"".join(gzip.compress(content, mtime=0) + bytes(padding) for content in contents)
    assert gzip.decompress(value) == b"".join(contents)
    assert SizeBudget(10_000).unpack(value) == b"".join(contents)


@given(st.binary(max_size=3000), st.data())
def test_no_cut_gzip_is_taken_for_whole(content: bytes, data: st.DataObject) -> None:
    """R3: gzip that is cut anywhere is corrupt."""
    value = gzip.compress(content, mtime=0)
    with pytest.raises(CorruptGzipError):
        list(pieces(value[: data.draw(st.integers(1, len(value) - 1))]))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_bound_is_exact(size: int, limit: int) -> None:
    """R3: content of exactly the bound is read; one byte more is too large."""
    value = gzip.compress(bytes(size), mtime=0)
    if size <= limit:
        assert SizeBudget(limit).unpack(value) == bytes(size)
    else:
        with pytest.raises(TooLargeError):
            SizeBudget(limit).unpack(value)


def test_no_more_is_decompressed_than_the_bound_and_one_piece() -> None:
    """R3: the bound is enforced while reading: of content that is much too large, only the first pieces are read."""
    value = gzip.compress(bytes(64 * 1024 * 1024), mtime=0)
    first = next(pieces(value))
    assert len(first) <= 1024 * 1024
    with pytest.raises(TooLargeError):
        SizeBudget(1_000_000).unpack(value)


def test_large_content_comes_whole() -> None:
    """R1: content of many pieces and slices is complete and in order."""
    content = b"".join(b"%09d\n" % number for number in range(500_000))
    assert SizeBudget(len(content)).unpack(gzip.compress(content, compresslevel=1, mtime=0)) == content


def test_thousands_of_empty_members_are_read() -> None:
    """R3: a value of empty members is empty, and takes time in proportion to its length."""
    assert SizeBudget(10).unpack(gzip.compress(b"", mtime=0) * 20_000) == b""


@given(st.binary(min_size=1, max_size=60_000), st.integers(0, 3))
def test_all_before_a_wrong_checksum_can_be_read(content: bytes, level: int) -> None:
    """T7: the bytes before damage are given, each of them once."""
    value = gzip.compress(content, compresslevel=level, mtime=0)
    damaged = value[:-8] + bytes(byte ^ 0xFF for byte in value[-8:])
    read: list[bytes] = []
    with pytest.raises(CorruptGzipError):
        read.extend(pieces(damaged))
    assert b"".join(read) == content


@given(
    contents=st.lists(st.tuples(st.binary(max_size=3000), st.integers(0, 40)), min_size=1, max_size=5),
    chunk=st.integers(1, 2000),
    piece=st.integers(1, 3000),
)
def test_chunks_are_read_as_one_value_is(contents: list[tuple[bytes, int]], chunk: int, piece: int) -> None:
    """R1: the ends of chunks and pieces change nothing, also inside a member's header or its padding."""
    value = b"".join(gzip.compress(content, mtime=0) + bytes(padding) for content, padding in contents)
    chunks = [value[at : at + chunk] for at in range(0, len(value), chunk)]
    read = list(stream(chunks, piece))
    assert b"".join(read) == b"".join(pieces(value)) == b"".join(content for content, _ in contents)
    assert all(0 < len(part) <= piece for part in read)


@pytest.mark.parametrize("behind", [b"\x1f", b"x", b"\0\0x", b"\x1fx", zlib.compress(b"")])
@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_anything_but_padding_behind_a_member_is_damage(behind: bytes, chunk: int) -> None:
    """R3: bytes behind a member that are neither zeros nor a member are named, after the content was given."""
    value = gzip.compress(b"content", mtime=0) + behind
    for source in (pieces(value), stream([value[at : at + chunk] for at in range(0, len(value), chunk)], 100)):
        read: list[bytes] = []
        with pytest.raises(CorruptGzipError, match="damaged gzip: something else follows it"):
            read.extend(source)
        assert b"".join(read) == b"content"


def test_zlib_ends_where_it_ends() -> None:
    """R8: zlib is read like gzip; other bytes behind it are damage."""
    assert SizeBudget(7).unpack(zlib.compress(b"content")) == b"content"
    with pytest.raises(CorruptError, match="damaged zlib"):
        SizeBudget(7).unpack(zlib.compress(b"content") + b"\xff")
