"""The fetch-time filter: takes out of fetched bytes, before anything unpacks them, the records that cannot match.

Works on Kafka's record batches, version 2, as a broker sends them (https://kafka.apache.org/documentation/#recordbatch).
The rules:

* A batch without any mark of the rule is left out whole, and is never unpacked (a compressed one is decompressed).
* Of a batch with a mark, the records with one are kept as they are; the batch is written again around them, not
  compressed. That is what log compaction leaves: offsets stay what they were, with gaps.
* If nothing is left of the last batch of an answer, its header is kept with no record, as log compaction leaves it: the
  client's position moves past all that was left out, and no record has to carry it there.
* A record that an operator has skipped (``--skip``) is kept, marked or not, and told by its offset alone: it is to
  become a dead letter. It loses its headers, which may be what stops the client: a name that is not UTF-8 does.
* Of a long answer only so much is taken that what is left of it fits the room there is (``room``), at least one batch.
  The rest counts as not fetched: the client asks for it again.
* Markers of transactions, and the producer and the kind of each batch, stay as they are: by these the client tells
  which batches were aborted, whatever is left of them.
* What this module does not know, an older batch version or another codec, is passed on as it is; so is a batch that the
  answer holds only in part, which no client reads.
* Checksums are made anew for what is written again. What is left out is not checked: a damaged mark would have to be
  the one damage that TCP, TLS and the broker's own check let through.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import codec
from aiokafka.record.util import calc_crc32c, decode_varint, encode_varint

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterator

_START = struct.Struct(">qi")  # base offset, length of what follows
_LENGTH_END = _START.size
_MAGIC_AT = 16
_MAGIC = 2
_CRC_AT = 17
_CRC = struct.Struct(">I")
_ATTRIBUTES_AT = 21  # the checksum's range begins here
_ATTRIBUTES = struct.Struct(">h")
_LAST_DELTA_AT = 23
_LAST_DELTA = struct.Struct(">i")
_MAX_TIMESTAMP_AT = 35
_MAX_TIMESTAMP = struct.Struct(">q")
_COUNT_AT = 57
_COUNT = struct.Struct(">i")
_RECORDS_AT = 61
_CODEC_BITS = 0x07
_CONTROL_BIT = 0x20
_DECOMPRESS: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


@dataclass(slots=True)
class Filtered:
    """What is left of one partition's fetched bytes, and what was in them.

    Attributes:
        kept: the bytes for the client.
        records: how many records there were.
        skipped: how many of them were left out.
        size: bytes of the records, decompressed.
        newest: the latest Kafka timestamp, in milliseconds since the epoch; -1 if there is none.
        taken: how many of the fetched bytes were looked at; after them the room was used up.
    """

    kept: bytes = b""
    records: int = 0
    skipped: int = 0
    size: int = 0
    newest: int = -1
    taken: int = 0


def filter_batches(
    fetched: bytes | memoryview,
    find_marks: Callable[[bytes | memoryview, int, int], list[int]],
    skip: Collection[int] = (),
    room: float = math.inf,
) -> Filtered:
    """Leave out of one partition's fetched record batches what cannot match.

    Args:
        fetched: the batches, as the broker sent them.
        find_marks: gives the places of the rule's marks in a stretch of bytes, in order.
        skip: the offsets of records that an operator has skipped; they are kept, without their headers.
        room: of how many bytes what is kept may be; one batch may go beyond it.
    """
    filtered = Filtered()
    batches = list(_batches(fetched))
    if not batches:  # the client's to judge: it may have asked for too few bytes
        filtered.kept, filtered.taken = bytes(fetched), len(fetched)
        return filtered
    kept: list[bytes | memoryview] = []
    last = 0
    for start, end in batches:
        if room <= 0:
            break
        left = _filter_batch(fetched, start, end, find_marks, filtered, skip=skip)
        room -= len(left)
        kept.append(left)
        filtered.taken, last = end, start
    else:
        filtered.taken = len(fetched)  # what follows is a part of a batch
    if kept and not kept[-1]:
        kept.append(_batch(bytes(fetched[last : last + _RECORDS_AT]), []))
    filtered.kept = b"".join(kept)
    return filtered


def _batches(fetched: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """Where each whole batch begins and ends."""
    start = 0
    while start + _LENGTH_END <= len(fetched):
        end = start + _LENGTH_END + _START.unpack_from(fetched, start)[1]
        if end > len(fetched):
            return
        yield start, end
        start = end


def _filter_batch(  # noqa: PLR0913  where, what for, and where it is counted
    fetched: bytes | memoryview,
    start: int,
    end: int,
    find_marks: Callable[[bytes | memoryview, int, int], list[int]],
    filtered: Filtered,
    *,
    skip: Collection[int],
) -> bytes | memoryview:
    """What is left of one batch: as it is, written again, or nothing."""
    if end - start < _RECORDS_AT or fetched[start + _MAGIC_AT] != _MAGIC:
        return fetched[start:end]
    count = _COUNT.unpack_from(fetched, start + _COUNT_AT)[0]
    if not count:  # emptied by log compaction; of a marker that is so aiokafka would want to know its kind
        return b""
    attributes = _ATTRIBUTES.unpack_from(fetched, start + _ATTRIBUTES_AT)[0]
    compression = attributes & _CODEC_BITS
    if attributes & _CONTROL_BIT or (compression and compression not in _DECOMPRESS):
        return fetched[start:end]
    records: bytes | memoryview
    if compression:
        records = _DECOMPRESS[compression](bytes(fetched[start + _RECORDS_AT : end]))
        first, after = 0, len(records)
    else:
        records, first, after = fetched, start + _RECORDS_AT, end
    filtered.records += count
    filtered.size += after - first
    filtered.newest = max(filtered.newest, _MAX_TIMESTAMP.unpack_from(fetched, start + _MAX_TIMESTAMP_AT)[0])
    marks = find_marks(records, first, after)
    bare: dict[int, bytes] = {}
    if skip and (deltas := _deltas(fetched, start, skip)):
        bare = dict(_bare_records(records, first, after, deltas))
        marks = sorted([*marks, *bare])
    kept = [bare.get(start) or records[start:end] for start, end in _marked(records, first, after, marks)]
    filtered.skipped += count - len(kept)
    return _batch(bytes(fetched[start : start + _RECORDS_AT]), kept) if kept else b""


def _marked(records: bytes | memoryview, start: int, end: int, marks: list[int]) -> Iterator[tuple[int, int]]:
    """Where each record that holds a mark begins and ends."""
    coming = iter(marks)
    mark = next(coming, end)
    while mark < end:
        length, body = decode_varint(records, start)
        after = body + length
        if mark < after:
            yield start, after
            while mark < after:
                mark = next(coming, end)
        start = after


def _deltas(fetched: bytes | memoryview, start: int, offsets: Collection[int]) -> set[int]:
    """Which of these offsets lie in the batch that begins at ``start``, counted from its base as its records count."""
    base = _START.unpack_from(fetched, start)[0]
    last = _LAST_DELTA.unpack_from(fetched, start + _LAST_DELTA_AT)[0]
    return {offset - base for offset in offsets if 0 <= offset - base <= last}


def _bare_records(
    records: bytes | memoryview, start: int, end: int, deltas: Container[int]
) -> Iterator[tuple[int, bytes]]:
    """Where the records of these offset deltas begin, and each without its headers."""
    while start < end:
        length, body = decode_varint(records, start)
        _, at = decode_varint(records, body + 1)  # past the attributes; it is the timestamp's delta
        delta, at = decode_varint(records, at)
        if delta in deltas:
            for _ in ("key", "value"):
                size, at = decode_varint(records, at)
                at += max(0, size)
            bare = bytearray(records[body:at]) + b"\0"
            head = bytearray()
            encode_varint(len(bare), head.append)
            yield start, bytes(head + bare)
        start = body + length


def _batch(header: bytes, records: list[bytes | memoryview]) -> bytes:
    """A batch of these records, not compressed and no marker, otherwise as its header says."""
    batch = bytearray(header + b"".join(records))
    attributes = _ATTRIBUTES.unpack_from(header, _ATTRIBUTES_AT)[0]
    _START.pack_into(batch, 0, _START.unpack_from(header)[0], len(batch) - _LENGTH_END)
    _ATTRIBUTES.pack_into(batch, _ATTRIBUTES_AT, attributes & ~(_CODEC_BITS | _CONTROL_BIT))
    _COUNT.pack_into(batch, _COUNT_AT, len(records))
    _CRC.pack_into(batch, _CRC_AT, calc_crc32c(bytes(batch[_ATTRIBUTES_AT:])))
    return bytes(batch)
