"""The fetch filter: removes records that cannot match from fetched bytes, before anything unpacks them.

Works on Kafka's record batches, version 2, as a broker sends them
(https://kafka.apache.org/documentation/#recordbatch). The rules:

* A batch without any mark of a rule is removed whole and is never unpacked (a compressed one is decompressed).
* In a batch with a mark, the records with a mark are kept unchanged. The batch is written again around them,
  uncompressed. It then looks as after log compaction: the offsets are the same, with gaps.
* If every record may match, a batch stays as it is; a compressed one is decompressed, so that its bytes are counted.
* If nothing is left of the last batch of a response, its header is kept without records, as log compaction does. So the
  client's position moves past everything that was removed, without a record.
* A record that an operator skips (``--skip``) is kept with or without a mark, because it becomes a dead letter. It is
  recognised by its offset alone. Its headers are removed, because they may stop the client: a name that is not UTF-8
  does.
* A long response is filtered until the result has ``free_bytes`` bytes, at least one batch. The rest counts as not
  fetched: the client asks for it again.
* Transaction markers stay unchanged, and so do the producer and the kind of each batch. By these the client knows which
  batches were aborted, whatever is left of them.
* A batch that this module does not know (an older version, another codec) is passed on unchanged. An incomplete batch
  at the end is passed on only if there is no whole batch before it.
* Batches that are written again get new checksums. What is removed is not checked: only damage to a mark would matter,
  if TCP, TLS and the broker's own check had all missed it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import codec
from aiokafka.record.util import calc_crc32c, decode_varint, encode_varint

from streams.content import gzipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence

_START = struct.Struct(">qi")  # base offset, length of what follows
_LENGTH_END = _START.size
_MAGIC_AT = 16
_MAGIC = 2
_CRC_AT = 17
_CRC = struct.Struct(">I")
_ATTRIBUTES_AT = 21  # the checksum covers the bytes from here on
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
# A batch of gzip with more content than this is read by aiokafka.
_MOST_AT_ONCE = 64 * 1024 * 1024


def _gzip_decode(packed: bytes) -> bytes | memoryview:
    """The content of gzip, by libdeflate if that is certain to be right: aiokafka uses Python's own zlib."""
    content = gzipped.only_member(packed, _MOST_AT_ONCE)
    return codec.gzip_decode(packed) if content is None else memoryview(content)


_DECOMPRESS: dict[int, Callable[[bytes], bytes | memoryview]] = {
    1: _gzip_decode,
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
        skipped: how many of them were removed.
        size: bytes of the records, decompressed.
        newest: the latest Kafka timestamp, in milliseconds since the epoch; -1 if there is none.
        taken: how many of the fetched bytes were filtered; after them no byte was free.
    """

    kept: bytes = b""
    records: int = 0
    skipped: int = 0
    size: int = 0
    newest: int = -1
    taken: int = 0


def filter_batches(
    fetched: bytes | memoryview,
    find_marks: Callable[[bytes | memoryview, int, int], Sequence[int]],
    skip: Collection[int] = (),
    free_bytes: float = math.inf,
) -> Filtered:
    """Remove from one partition's fetched record batches the records that cannot match.

    Args:
        fetched: the batches, as the broker sent them.
        find_marks: returns the positions of the rules' marks in a range of bytes, in order; the range itself if every
            record may match.
        skip: the offsets of records that an operator skips; they are kept, without their headers.
        free_bytes: how many bytes may be kept; one batch may exceed this.
    """
    filtered = Filtered()
    batches = list(_batches(fetched))
    if not batches:  # the client decides: it may have asked for too few bytes
        filtered.kept, filtered.taken = bytes(fetched), len(fetched)
        return filtered
    kept: list[bytes | memoryview] = []
    last = 0
    for start, end in batches:
        if free_bytes <= 0:
            break
        left = _filter_batch(fetched, start, end, find_marks, filtered, skip=skip)
        free_bytes -= len(left)
        kept.append(left)
        filtered.taken, last = end, start
    else:
        filtered.taken = len(fetched)  # the rest is an incomplete batch
    if kept and not kept[-1]:
        kept.append(_batch(bytes(fetched[last : last + _RECORDS_AT]), (), 0))
    filtered.kept = b"".join(kept)
    return filtered


def is_compressed(fetched: bytes | memoryview) -> bool:
    """Whether the first batch is compressed; false if there is no whole header."""
    return len(fetched) >= _RECORDS_AT and _ATTRIBUTES.unpack_from(fetched, _ATTRIBUTES_AT)[0] & _CODEC_BITS != 0


def offset_behind(fetched: bytes | memoryview) -> int | None:
    """The offset behind the last complete batch of fetched bytes; ``None`` if there is no such batch."""
    last = -1
    for start, _ in _batches(fetched):
        last = start
    if last < 0 or fetched[last + _MAGIC_AT] != _MAGIC:
        return None
    first: int = _START.unpack_from(fetched, last)[0]
    return first + int(_LAST_DELTA.unpack_from(fetched, last + _LAST_DELTA_AT)[0]) + 1


def _batches(fetched: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """The start and end of each complete batch."""
    start = 0
    while start + _LENGTH_END <= len(fetched):
        end = start + _LENGTH_END + _START.unpack_from(fetched, start)[1]
        if end > len(fetched):
            return
        yield start, end
        start = end


def _filter_batch(  # noqa: PLR0913  position, search and counts
    fetched: bytes | memoryview,
    start: int,
    end: int,
    find_marks: Callable[[bytes | memoryview, int, int], Sequence[int]],
    filtered: Filtered,
    *,
    skip: Collection[int],
) -> bytes | memoryview:
    """What is left of one batch: all of it, a batch that was written again, or nothing."""
    if end - start < _RECORDS_AT or fetched[start + _MAGIC_AT] != _MAGIC:
        return fetched[start:end]
    count = _COUNT.unpack_from(fetched, start + _COUNT_AT)[0]
    if not count:  # emptied by log compaction; aiokafka would fail on a marker without its record
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
    if skip and (deltas := _offset_deltas(fetched, start, skip)):
        bare = dict(_bare_records(records, first, after, deltas))
    if isinstance(marks, range):
        if not compression and not bare:
            return fetched[start:end]
        return _batch(bytes(fetched[start : start + _RECORDS_AT]), _all_records(records, first, after, bare), count)
    if bare:
        marks = sorted([*marks, *bare])
    kept = [bare.get(start) or records[start:end] for start, end in _records_with_marks(records, first, after, marks)]
    filtered.skipped += count - len(kept)
    return _batch(bytes(fetched[start : start + _RECORDS_AT]), kept, len(kept)) if kept else b""


def _all_records(
    records: bytes | memoryview, start: int, end: int, bare: Mapping[int, bytes]
) -> Iterator[bytes | memoryview]:
    """All records, in pieces; those in ``bare`` by their start, as they are there."""
    for at in sorted(bare):
        yield records[start:at]
        yield bare[at]
        length, body = decode_varint(records, at)
        start = body + length
    yield records[start:end]


def _records_with_marks(
    records: bytes | memoryview, start: int, end: int, marks: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """The start and end of each record with a mark."""
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


def _offset_deltas(fetched: bytes | memoryview, start: int, offsets: Collection[int]) -> set[int]:
    """Those of these offsets that lie in the batch at ``start``, relative to its base offset as in its records."""
    base = _START.unpack_from(fetched, start)[0]
    last = _LAST_DELTA.unpack_from(fetched, start + _LAST_DELTA_AT)[0]
    return {offset - base for offset in offsets if 0 <= offset - base <= last}


def _bare_records(
    records: bytes | memoryview, start: int, end: int, deltas: Container[int]
) -> Iterator[tuple[int, bytes]]:
    """The start of each record with one of these offset deltas, and the record without its headers."""
    while start < end:
        length, body = decode_varint(records, start)
        _, at = decode_varint(records, body + 1)  # after the attributes comes the timestamp's delta
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


def _batch(header: bytes, records: Iterable[bytes | memoryview], count: int) -> bytes:
    """A batch of this many records: neither compressed nor a marker, otherwise with the given header."""
    batch = bytearray(header + b"".join(records))
    attributes = _ATTRIBUTES.unpack_from(header, _ATTRIBUTES_AT)[0]
    _START.pack_into(batch, 0, _START.unpack_from(header)[0], len(batch) - _LENGTH_END)
    _ATTRIBUTES.pack_into(batch, _ATTRIBUTES_AT, attributes & ~(_CODEC_BITS | _CONTROL_BIT))
    _COUNT.pack_into(batch, _COUNT_AT, count)
    _CRC.pack_into(batch, _CRC_AT, calc_crc32c(bytes(batch[_ATTRIBUTES_AT:])))
    return bytes(batch)
