"""Stored files to messages: gzip in all its forms, and the bound of R3."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
from itertools import pairwise

import pytest
from compressed import COMPRESSIONS
from hypothesis import given
from hypothesis import strategies as st

from streams.backtest.sources import file_messages
from streams.backtest.sources.file_messages import CannotReadError, DamagedGzipError

BOUND = 1024 * 1024


def _blocks(stored: bytes, bound: int = BOUND) -> list[bytes]:
    return list(file_messages.blocks(io.BytesIO(stored), bound))


def _whole(stored: bytes) -> bytes:
    contents = set()
    for size in (0, 1, len(stored) - 1, len(stored), len(stored) + 1, 10 * file_messages.READ_WHOLE):
        pieces = list(file_messages.pieces(io.BytesIO(stored), max(size, 0)))
        assert all(0 < len(piece) <= file_messages.WHOLE for piece in pieces)
        contents.add(b"".join(pieces))
    (content,) = contents
    return content


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.json", False),
        ("a.json.gz", False),
        ("a.jsonl", True),
        ("A.JSONL", True),
        ("a.ndjson.gz", True),
        ("a.gz", False),
        ("jsonl", False),
        ("a.jsonl.zst", True),
        ("a.ndjson.lz4", True),
        ("a.json.zst", False),
        ("dir.jsonl/a.json", False),
    ],
)
def test_name_says_whether_lines(name: str, lines: bool) -> None:  # noqa: FBT001  a table's column
    """Only .jsonl and .ndjson, packed or not, hold one message a line (P8)."""
    assert file_messages.holds_lines(name) is lines


@pytest.mark.parametrize(
    "size", [0, 1, 5_000, file_messages.PIECE, file_messages.WHOLE, file_messages.WHOLE + 1, 3 * file_messages.WHOLE]
)
@pytest.mark.parametrize("members", [0, 1, 3])
def test_whole_file_comes_back_decompressed(size: int, members: int) -> None:
    """A file is one message, gzip or not, also of several members (R1)."""
    content = bytes(i * i % 251 for i in range(1000)) * (size // 1000 + 1)
    content = content[:size]
    stored = content
    if members:
        cuts = [size * i // members for i in range(members + 1)]
        stored = b"".join(gzip.compress(content[a:b], 1) for a, b in pairwise(cuts))
    assert _whole(stored) == content


def test_gzip_may_be_padded_with_zeros() -> None:
    """Zeros after a member are padding, as gzip(1) has it; other bytes are damage that is named."""
    stored = gzip.compress(b"content")
    assert _whole(stored + bytes(100)) == b"content"
    assert _whole(stored + bytes(2_000_000)) == b"content"
    with pytest.raises(CannotReadError, match="gzip"):
        _whole(stored + b"rubbish")


def test_equal_members_all_come_back() -> None:
    """R1: a file of several equal members is not taken for one, though its last bytes fit the first."""
    member = gzip.compress(b"content " * 100)
    assert _whole(member * 3) == b"content " * 300


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_file_of_just_as_many_bytes_as_are_read_at_once(more: int) -> None:
    """A file whose end meets the end of what is read at once comes back whole."""
    packing = len(gzip.compress(b"", 0))
    content = random.Random(1).randbytes(file_messages.READ + more - packing)  # noqa: S311  no secret
    stored = gzip.compress(content, 0)
    assert len(stored) == file_messages.READ + more
    assert _whole(stored) == content


@pytest.mark.parametrize("content", [1_000, file_messages.READ_WHOLE * 2])
def test_a_damaged_file_is_kept_as_it_is_stored(content: int) -> None:
    """R7: the error of damaged gzip holds the stored file, unless its content is larger than a message may be."""
    noise = random.Random(1).randbytes(content)  # noqa: S311  no secret
    member = gzip.compress(noise)
    stored = b"".join((member, member[:-1], b"\xff", member))
    for bound, kept in ((4 * content, stored), (content - 1, None)):
        with pytest.raises(DamagedGzipError) as raised:
            list(file_messages.pieces(io.BytesIO(stored), len(stored), bound))
        assert raised.value.stored == kept


@pytest.mark.parametrize("size", [0, 1, 799, 801, 2**32 - 1])
def test_wrong_size_at_the_end_is_named(size: int) -> None:
    """A gzip file that does not tell its true size is damaged, whatever it tells."""
    stored = gzip.compress(b"content " * 100)[:-4] + size.to_bytes(4, "little")
    with pytest.raises(CannotReadError, match="damaged gzip"):
        _whole(stored)


@pytest.mark.parametrize("keep", [2, 10, 50])
def test_cut_gzip_is_named(keep: int) -> None:
    """A gzip file that ends early cannot be decompressed: it is named, not taken for a short message."""
    stored = gzip.compress(bytes(range(256)) * 10)
    with pytest.raises(CannotReadError, match="cut gzip"):
        _whole(stored[:keep])


def test_damaged_gzip_is_named() -> None:
    """A gzip file whose checksum fails cannot be decompressed."""
    stored = bytearray(gzip.compress(b"some text" * 100))
    stored[-8] ^= 0xFF
    with pytest.raises(CannotReadError, match="damaged gzip"):
        _whole(bytes(stored))


def test_lines_before_a_cut_are_still_read() -> None:
    """Of a cut gzip file of lines, the whole lines before the cut are messages; the half one is not."""
    lines = b"".join(b"%06d %s\n" % (i, bytes(f"{i * 7919 % 10007}", "ascii") * 9) for i in range(40_000))
    stored = gzip.compress(lines)
    seen: list[bytes] = []
    with pytest.raises(CannotReadError, match="cut gzip"):  # noqa: PT012  what came before the error counts
        for block in file_messages.blocks(io.BytesIO(stored[: len(stored) // 2]), BOUND):
            seen.append(block)  # noqa: PERF402  extend would lose what came before the error
    assert seen
    assert lines.startswith(b"".join(seen))
    assert b"".join(seen).endswith(b"\n")


@given(
    lines=st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=30),
    final=st.booleans(),
    packed=st.booleans(),
)
def test_blocks_are_whole_lines(lines: list[bytes], final: bool, packed: bool) -> None:  # noqa: FBT001
    """Blocks join to the content, and each but the last ends with a line."""
    content = b"start\n" + b"\n".join(lines) + (b"\n" if final else b"")
    blocks = _blocks(gzip.compress(content) if packed else content)
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks[:-1])


@pytest.mark.parametrize("packed", [False, True])
def test_lines_across_chunks_stay_whole(packed: bool) -> None:  # noqa: FBT001
    """A line that spans chunks of reading is one line."""
    lines = [b"a" * 700_000, b"b" * 900_000, b"c" * 10, b"d" * 1_000_000]
    content = b"\n".join(lines)
    blocks = _blocks(gzip.compress(content) if packed else content)
    assert b"".join(blocks).split(b"\n") == lines


@pytest.mark.parametrize("packed", [False, True])
def test_too_long_line_costs_only_itself(packed: bool) -> None:  # noqa: FBT001
    """A line above the bound is cut one byte past it; the lines around it come whole (R3)."""
    content = b"first\n" + b"x" * 5_000_000 + b"\nlast\n"
    blocks = _blocks(gzip.compress(content) if packed else content)
    lines = [line for block in blocks for line in block.split(b"\n") if line]
    assert lines == [b"first", b"x" * (BOUND + 1), b"last"]


def test_a_too_long_line_is_held_once() -> None:
    """Memory stays bounded: while a line longer than a message may be is looked at, it is held only once (R3)."""
    stored = io.BytesIO(b"x" * 5_000_000 + b"\nlast\n")
    tracemalloc.start()
    try:
        blocks = file_messages.blocks(stored, BOUND)
        assert len(next(blocks)) == BOUND + 1
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * BOUND
    assert list(blocks) == [b"last\n"]


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_other_compressions_are_read_up_to_the_bound(name: str) -> None:
    """R3, R8: archives of zstd, zlib, lz4 and snappy are read; one that is larger, or damaged, is named."""
    content = b"".join(b"%07d\n" % number for number in range(BOUND // 8))
    stored = COMPRESSIONS[name](content)
    assert b"".join(file_messages.pieces(io.BytesIO(stored), len(stored), BOUND)) == content
    assert b"".join(file_messages.blocks(io.BytesIO(stored), BOUND)) == content
    with pytest.raises(CannotReadError):
        list(file_messages.pieces(io.BytesIO(stored[:-5])))


@pytest.mark.parametrize("name", [name for name in COMPRESSIONS if name != "gzip"])
def test_what_is_larger_says_what_to_do(name: str) -> None:
    """R3: the error names the bound, the setting and the form that has no bound."""
    stored = COMPRESSIONS[name](b"{}\n" * BOUND)
    with pytest.raises(CannotReadError, match=rf"larger than {BOUND} bytes.*max_message_size.*jsonl\.gz"):
        list(file_messages.blocks(io.BytesIO(stored), BOUND))


def test_a_file_that_only_starts_like_zlib_is_read_as_it_is() -> None:
    """R8: text may start with x^."""
    text = b"x^2 " * 100_000
    assert b"".join(file_messages.pieces(io.BytesIO(text))) == text
