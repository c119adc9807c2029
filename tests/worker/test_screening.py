"""What the fetch-time filter leaves of fetched record batches."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.inputs import marks
from streams.worker.screening import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

FIND_MARKS = marks.finder("AssumeRoot")
MAY_MATCH = marks.matcher("AssumeRoot", 1 << 20)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
MATCH = json.dumps({"eventName": "AssumeRoot"}).encode()
OTHER = json.dumps({"eventName": "GetObject", "userAgent": "a & b"}).encode()

Value = bytes | None


def batch(base: int, values: Sequence[Value], codec: str = "none") -> bytes:
    """A record batch as a producer writes it and a broker stores it."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 30,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_000 + number, b"key", value, [("header", b"x")])
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")  # the broker's part; the checksum does not cover it
    return bytes(built)


def unpacked(data: bytes) -> list[Any]:
    """Every record as aiokafka reads it; checksums must hold."""
    records = MemoryRecords(data)
    found = []
    while records.has_next():
        read = records.next_batch()
        assert read is not None
        assert read.validate_crc()
        found += [(record.offset, record.timestamp, record.key, record.value, record.headers) for record in read]
    return found


VALUES = st.sampled_from([MATCH, OTHER, None, b"", gzip.compress(MATCH), b'{"a":"\\u0041ssumeRoot"}', b"\xff\xfe\x00"])
BATCHES = st.lists(st.tuples(st.lists(VALUES, min_size=1, max_size=6), st.sampled_from(sorted(CODECS))), max_size=5)


@given(BATCHES)
def test_keeps_what_may_match_and_the_last(batches: list[tuple[list[Value], str]]) -> None:
    """Whatever the codec, each record that may match and the very last one are kept as they were, offsets included."""
    data, base = b"", 7
    for values, codec in batches:
        data += batch(base, values, codec)
        base += len(values) + 2  # a gap, as compaction leaves
    before = unpacked(data)
    screened = screen(data, FIND_MARKS)
    after = unpacked(screened.kept)
    assert [record for record in after if record in before] == after
    assert [record for record in before if MAY_MATCH(record[3]) and record not in after] == []
    assert after[-1:] == before[-1:]
    assert screened.records == len(before)
    assert screened.skipped == len(before) - len(after)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_leaves_out_what_cannot_match(codec: str) -> None:
    """A batch without a mark is left out whole; of the others only records with a mark stay, and the last of all."""
    data = batch(0, [OTHER] * 3, codec) + batch(3, [OTHER, MATCH, OTHER], codec) + batch(6, [OTHER] * 3, codec)
    screened = screen(data, FIND_MARKS)
    assert [record[0] for record in unpacked(screened.kept)] == [4, 8]
    assert (screened.records, screened.skipped) == (9, 7)


def test_passes_on_a_part_of_a_batch() -> None:
    """An answer that holds no whole batch is the client's to judge: it asks again for more bytes."""
    part = batch(0, [MATCH])[:-1]
    assert screen(part, FIND_MARKS).kept == part


def test_leaves_out_the_cut_end_of_an_answer() -> None:
    """A broker cuts the last batch of an answer at the bytes asked for; the last whole record is then the last."""
    screened = screen(batch(0, [OTHER, OTHER]) + batch(2, [MATCH])[:-1], FIND_MARKS)
    assert [record[0] for record in unpacked(screened.kept)] == [1]


def test_passes_on_what_it_does_not_know() -> None:
    """A batch of an older version goes on as it is, for the client to unpack."""
    old = bytearray(batch(0, [OTHER]))
    old[16] = 1
    assert screen(bytes(old), FIND_MARKS).kept == bytes(old)
