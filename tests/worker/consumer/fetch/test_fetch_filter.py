"""The fetch filter removes from fetched record batches what cannot match."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.inputs import prefilter
from streams.worker.consumer.fetch.fetch_filter import filter_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

FIND_MARKS = prefilter.compile_finder(frozenset({"AssumeRoot"}), follow_sessions=True)
MAY_MATCH = prefilter.compile_matcher(frozenset({"AssumeRoot"}), 1 << 20, follow_sessions=True)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
MATCH = json.dumps({"eventName": "AssumeRoot"}).encode()
ACTION = json.dumps({"eventName": "GetBucketPolicy", "userIdentity": {"type": "Root"}}).encode()
OTHER = json.dumps({"eventName": "GetObject", "userAgent": "a & b"}).encode()
NAMED = json.dumps({"eventName": "GetObject", "userIdentity": {"userName": "FalsimentisRoot"}}).encode()

Value = bytes | None


def batch(base: int, values: Sequence[Value], codec: str = "none", producer: int = -1) -> bytes:
    """A record batch as a broker stores it; with a producer's id it is part of a transaction."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=producer >= 0,
        producer_id=producer,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 30,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_000 + number, b"key", value, [("header", b"x")])
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")  # the broker writes this; the checksum does not cover it
    return bytes(built)


def marker(base: int, producer: int, *, commits: bool) -> bytes:
    """The marker at the end of a transaction, as the broker writes it."""
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, -1, -1, 1 << 30)
    builder.append(0, 1_000, bytes([0, 0, 0, commits]), bytes(6), [])
    built = bytearray(builder.build())
    built[0:8] = base.to_bytes(8, "big")
    built[22] |= 0x20  # a control batch
    built[17:21] = calc_crc32c(bytes(built[21:])).to_bytes(4, "big")
    return bytes(built)


def read(data: bytes, fetch_offset: int, aborted: list[tuple[int, int]]) -> tuple[int, list[tuple[int, Value]]]:
    """The position that aiokafka reaches, and the records that it returns."""
    records = PartitionRecords(
        TopicPartition("t", 0),
        MemoryRecords(data),
        aborted,
        fetch_offset,
        key_deserializer=None,
        value_deserializer=None,
        check_crcs=True,
        isolation_level=READ_COMMITTED,
    )
    given = [(record.offset, record.value) for record in records]
    return records.next_fetch_offset, given


def unpacked(data: bytes) -> list[Any]:
    """Every record as aiokafka reads it; checksums must be right."""
    records = MemoryRecords(data)
    found = []
    while records.has_next():
        read = records.next_batch()
        assert read is not None
        assert read.validate_crc()
        found += [(record.offset, record.timestamp, record.key, record.value, record.headers) for record in read]
    return found


VALUES = st.sampled_from(
    [
        MATCH,
        ACTION,
        OTHER,
        NAMED,
        None,
        b"",
        gzip.compress(MATCH),
        gzip.compress(ACTION),
        b'{"a":"\\u0041ssumeRoot"}',
        b'{"a":"R\\u006fot"}',
        b"\xff\xfe\x00",
    ]
)
BATCHES = st.lists(st.tuples(st.lists(VALUES, min_size=1, max_size=6), st.sampled_from(sorted(CODECS))), max_size=5)


@given(BATCHES)
def test_keeps_what_may_match(batches: list[tuple[list[Value], str]]) -> None:
    """With every codec, each record that may match is kept unchanged, offset included."""
    data, base = b"", 7
    for values, codec in batches:
        data += batch(base, values, codec)
        base += len(values) + 2  # a gap, as after compaction
    before = unpacked(data)
    filtered = filter_batches(data, FIND_MARKS)
    after = unpacked(filtered.kept)
    assert [record for record in after if record in before] == after
    assert [record for record in before if MAY_MATCH(record[3]) and record not in after] == []
    assert filtered.records == len(before)
    assert filtered.skipped == len(before) - len(after)
    assert filtered.newest == max((record[1] for record in before), default=-1)


PARTS = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.lists(VALUES, min_size=1, max_size=4), st.sampled_from(sorted(CODECS))),
        st.tuples(st.just("of a transaction"), st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([1, 2])),
        st.tuples(st.sampled_from(["commit", "abort"]), st.just([None]), st.sampled_from([1, 2])),
        st.tuples(st.just("emptied"), st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([-1, 1])),
    ),
    min_size=1,
    max_size=8,
)


@given(PARTS)
def test_what_aiokafka_makes_of_it(parts: list[tuple[str, list[Value], Any]]) -> None:
    """The position is the same as without the filter, and aiokafka returns the committed records that may match."""
    data, base, began, aborted = b"", 3, dict[int, int](), list[tuple[int, int]]()
    for kind, values, of in parts:
        if kind == "batch":
            data += batch(base, values, of)
        elif kind == "emptied":
            header = bytearray(batch(base, values, producer=of)[:61])
            header[8:12] = (61 - 12).to_bytes(4, "big")
            header[57:61] = bytes(4)
            header[17:21] = calc_crc32c(bytes(header[21:])).to_bytes(4, "big")
            data += header
        elif kind == "of a transaction":
            data += batch(base, values, "zstd", producer=of)
            began.setdefault(of, base)
        else:
            data += marker(base, of, commits=kind == "commit")
            first = began.pop(of, None)
            if kind == "abort" and first is not None:
                aborted.append((of, first))
        base += len(values)
    position, given_before = read(data, 3, aborted)
    filtered_position, given_after = read(filter_batches(data, FIND_MARKS).kept, 3, aborted)
    assert filtered_position == position == base
    assert [part for part in given_after if MAY_MATCH(part[1])] == [part for part in given_before if MAY_MATCH(part[1])]
    assert [part for part in given_after if part in given_before] == given_after


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_leaves_out_what_cannot_match(codec: str) -> None:
    """A batch without a mark is removed whole; in the others only records with a mark stay."""
    data = batch(0, [OTHER] * 3, codec) + batch(3, [OTHER, MATCH, NAMED], codec) + batch(6, [NAMED] * 3, codec)
    filtered = filter_batches(data, FIND_MARKS)
    assert [record[0] for record in unpacked(filtered.kept)] == [4]
    assert (filtered.records, filtered.skipped) == (9, 8)


def test_gzip_of_several_members() -> None:
    """A batch that a producer compressed as several members of gzip is read to its end."""
    whole = batch(0, [OTHER, NAMED, MATCH])
    packed = b"".join(gzip.compress(part) for part in (whole[61:70], whole[70:]))
    header = bytearray(whole[:61])
    header[8:12] = (61 - 12 + len(packed)).to_bytes(4, "big")
    header[22] |= CODECS["gzip"]
    filtered = filter_batches(bytes(header) + packed, FIND_MARKS)
    assert [(offset, value) for offset, _, _, value, *_ in unpacked(filtered.kept)] == [(2, MATCH)]


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_keeps_the_actions_of_root(codec: str) -> None:
    """S1: a worker keeps what may be an action of a root session, and drops users whose names end with Root."""
    filtered = filter_batches(batch(0, [NAMED, ACTION, OTHER, NAMED, ACTION], codec), FIND_MARKS)
    assert [record[0] for record in unpacked(filtered.kept)] == [1, 4]


def test_a_marker_that_compaction_has_emptied() -> None:
    """A control batch without its record, at which aiokafka would stop, becomes an empty batch."""
    emptied = bytearray(marker(5, 1, commits=False)[:61])
    emptied[8:12] = (61 - 12).to_bytes(4, "big")
    emptied[57:61] = bytes(4)
    assert read(filter_batches(bytes(emptied), FIND_MARKS).kept, 5, [(1, 3)]) == (6, [])


@pytest.mark.parametrize(("free_bytes", "taken"), [(-1, 0), (0, 0), (1, 1), (70_000, 1), (150_000, 2), (1_000_000, 4)])
def test_takes_what_there_is_room_for(free_bytes: int, taken: int) -> None:
    """Batches are taken until no byte is free; the position is after the last of them."""
    large = [json.dumps({"eventName": "AssumeRoot", "policy": "x" * 100_000}).encode()]
    batches = [batch(0, large, "zstd"), batch(1, large, "zstd"), batch(2, [OTHER]), batch(3, large)]
    filtered = filter_batches(b"".join(batches), FIND_MARKS, free_bytes=free_bytes)
    assert filtered.taken == sum(map(len, batches[:taken]))
    assert read(filtered.kept, 0, [])[0] == taken
    assert filtered.records == taken


def test_passes_on_a_part_of_a_batch() -> None:
    """A response without a whole batch is passed on: the client then asks for more bytes."""
    part = batch(0, [MATCH])[:-1]
    assert filter_batches(part, FIND_MARKS).kept == part


def test_leaves_out_the_cut_end_of_an_answer() -> None:
    """An incomplete batch at the end of a response is removed; the next fetch begins with it."""
    filtered = filter_batches(batch(0, [OTHER, OTHER]) + batch(2, [MATCH])[:-1], FIND_MARKS)
    assert read(filtered.kept, 0, []) == (2, [])


def test_passes_on_what_it_does_not_know() -> None:
    """A batch of an older version is passed on unchanged, for the client to unpack."""
    old = bytearray(batch(0, [OTHER]))
    old[16] = 1
    assert filter_batches(bytes(old), FIND_MARKS).kept == bytes(old)


@given(BATCHES, st.sets(st.integers(7, 40)))
def test_a_skipped_record_is_kept_whatever_it_holds(batches: list[tuple[list[Value], str]], skip: set[int]) -> None:
    """``--skip``: a record is kept by its offset alone, without its headers; the other records do not change."""
    data, base = b"", 7
    for values, codec in batches:
        data += batch(base, values, codec)
        base += len(values) + 2
    before = unpacked(data)
    left = [record for record in unpacked(filter_batches(data, FIND_MARKS).kept) if record[0] not in skip]
    after = unpacked(filter_batches(data, FIND_MARKS, skip).kept)
    bare = [(*record[:4], ()) for record in before if record[0] in skip]
    assert [(*record[:4], ()) for record in after if record[0] in skip] == bare
    assert [record for record in after if record[0] in skip and record[4]] == []
    assert [record for record in after if record[0] not in skip] == left


def test_a_skipped_record_may_have_headers_that_nobody_can_read() -> None:
    """``--skip``: a header whose name is not UTF-8 stops aiokafka; a skipped record is read without its headers."""
    damaged = bytearray(batch(3, [MATCH, MATCH]))
    at = damaged.index(b"header")
    damaged[at : at + 6] = b"he\xff\xfeer"
    damaged[17:21] = calc_crc32c(bytes(damaged[21:])).to_bytes(4, "big")
    with pytest.raises(UnicodeDecodeError):
        unpacked(filter_batches(bytes(damaged), FIND_MARKS).kept)
    assert [record[0] for record in unpacked(filter_batches(bytes(damaged), FIND_MARKS, {3}).kept)] == [3, 4]
