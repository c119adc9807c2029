"""Values in every compression: whole, damaged, cut and too large."""

from __future__ import annotations

import random
import tracemalloc
from contextlib import suppress

import pytest
from compressed import COMPRESSIONS, java_snappy
from hypothesis import given
from hypothesis import strategies as st

from streams.content.compression import STARTS, CorruptError, SizeBudget, TooLargeError, decompress

LIMIT = 1_000_000
TEXT = b'{"eventName": "AssumeRoot", "eventID": "%d"}\n'
LINES = b"".join(TEXT % number for number in range(2000))

formats = pytest.mark.parametrize("name", COMPRESSIONS)


@given(st.sampled_from(sorted(COMPRESSIONS)), st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_what_was_compressed_comes_back(name: str, contents: list[bytes]) -> None:
    """R1, R8: a value of any format, also several in a row, gives its content."""
    value = b"".join(map(COMPRESSIONS[name], contents))
    assert SizeBudget(LIMIT).unpack(value) == b"".join(contents)


@formats
def test_every_format_is_told_by_its_start(name: str) -> None:
    """R8: the table of starts, which the fetch filter uses, knows each format."""
    assert COMPRESSIONS[name](LINES).startswith(STARTS)


@formats
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT])
def test_the_bound_is_exact(name: str, size: int) -> None:
    """R3: content of exactly the bound is read; of larger content, the first bytes up to the bound are returned."""
    content = (LINES * (size // len(LINES) + 1))[:size]
    value = COMPRESSIONS[name](content)
    if size <= LIMIT:
        assert SizeBudget(LIMIT).unpack(value) == content
        return
    with pytest.raises(TooLargeError, match=f"larger than {LIMIT} bytes"):
        SizeBudget(LIMIT).unpack(value)
    beginning = decompress(value, LIMIT)
    assert beginning is not None
    assert beginning.is_larger
    assert content.startswith(beginning.content)


@formats
def test_memory_is_bounded_while_reading(name: str) -> None:
    """R3: a value that grows far beyond the bound takes no more memory than a few times the bound."""
    value = COMPRESSIONS[name](bytes(64 * LIMIT))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            SizeBudget(LIMIT).unpack(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * LIMIT


@given(st.sampled_from(sorted(COMPRESSIONS)), st.binary(min_size=1, max_size=3000), st.data())
def test_no_cut_value_is_taken_for_whole(name: str, content: bytes, data: st.DataObject) -> None:
    """R3: a compressed value that is cut is corrupt, unless the cut is at the end of a frame or block."""
    value = COMPRESSIONS[name](content)
    cut = value[: data.draw(st.integers(0, len(value) - 1))]
    with suppress(CorruptError):
        assert SizeBudget(LIMIT).unpack(cut) in {cut, b""}


@given(st.sampled_from(sorted(COMPRESSIONS)), st.data())
def test_no_damage_can_crash_it(name: str, data: st.DataObject) -> None:
    """R3: any change of the bytes gives a named outcome, and the bytes read before the damage are within the bound."""
    value = bytearray(COMPRESSIONS[name](LINES[: data.draw(st.integers(0, 3000))]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(value)))
        value[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    beginning = decompress(bytes(value), LIMIT)
    assert beginning is None or len(beginning.content) <= LIMIT


@given(st.binary(max_size=100))
def test_no_bytes_behind_a_start_can_crash_it(rest: bytes) -> None:
    """R3: bytes that only start like a format are corrupt, or text."""
    for start in STARTS:
        beginning = decompress(start + rest, LIMIT)
        assert beginning is None or len(beginning.content) <= LIMIT


@pytest.mark.parametrize("text", ["x^2 + y^2 = z^2", "x^", "x\1", "x^\u00e9", "x\1{}"])
def test_text_that_starts_like_zlib_stays_text(text: str) -> None:
    """R8: zlib of level 5 starts with x^; a value that is not zlib and is valid UTF-8 is text."""
    assert SizeBudget(LIMIT).unpack(text.encode()) == text.encode()


@pytest.mark.parametrize("name", ["gzip", "zlib", "snappy of Java"])
def test_what_comes_before_the_damage_is_told(name: str) -> None:
    """T7: the bytes before a cut are decompressed, so that they can be searched."""
    content = random.Random(3).randbytes(200_000)  # noqa: S311  no secret
    value = COMPRESSIONS[name](content)
    beginning = decompress(value[: len(value) // 2], LIMIT)
    assert beginning is not None
    assert beginning.damage is not None
    assert len(beginning.content) > 50_000
    assert content.startswith(beginning.content)


def test_a_block_that_tells_a_huge_size_is_too_large() -> None:
    """R3: Java's blocks hold their size; a block beyond the bound is not decompressed at all."""
    block = b"\xff\xff\xff\xff\x0f" + b"\0" * 20
    with pytest.raises(TooLargeError):
        SizeBudget(LIMIT).unpack(java_snappy(b"{}") + len(block).to_bytes(4, "big") + block)
