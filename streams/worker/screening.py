"""The fetch-time filter: takes out of fetched bytes, before anything unpacks them, the records that cannot match.

Works on Kafka's record batches, version 2, as a broker sends them (https://kafka.apache.org/documentation/#recordbatch).
The rules:

* A batch without any mark of the rule is left out whole, and is never unpacked (a compressed one is decompressed).
* Of a batch with a mark, the records with one are kept as they are; the batch is written again around them, not
  compressed. That is what log compaction leaves: offsets stay what they were, with gaps.
* The very last record of each partition's answer is always kept, so that the consumer's position, and with it the
  committed offset, moves past all that was left out.
* What this module does not know, an older batch version or another codec, is passed on as it is; so is a batch that the
  answer holds only in part, which no client reads.
* Checksums are made anew for what is written again. What is left out is not checked: a damaged mark would have to be
  the one damage that TCP, TLS and the broker's own check let through.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import codec
from aiokafka.record.util import calc_crc32c, decode_varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_START = struct.Struct(">qi")  # base offset, length of what follows
_LENGTH_END = _START.size
_MAGIC_AT = 16
_CRC_AT = 17
_CRC = struct.Struct(">I")
_ATTRIBUTES_AT = 21  # the checksum's range begins here
_ATTRIBUTES = struct.Struct(">h")
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
class Screened:
    """What is left of fetched bytes, and what was in them: records, those left out, bytes of records decompressed."""

    kept: bytes = b""
    records: int = 0
    skipped: int = 0
    size: int = 0


def screen(fetched: bytes | memoryview, find_marks: Callable[[bytes | memoryview, int, int], list[int]]) -> Screened:
    """Leave out of one partition's fetched record batches what cannot match."""
    screened = Screened()
    batches = list(_batches(fetched))
    kept: list[bytes | memoryview] = []
    for start, end in batches:
        is_last = end == batches[-1][1]
        kept.append(_screen_batch(fetched, start, end, find_marks, screened, keep_last=is_last))
    # Bytes that hold no whole batch are the client's to judge: it may have asked for too few.
    screened.kept = b"".join(kept) if batches else bytes(fetched)
    return screened


def _batches(fetched: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """Where each whole batch begins and ends."""
    start = 0
    while start + _LENGTH_END <= len(fetched):
        end = start + _LENGTH_END + _START.unpack_from(fetched, start)[1]
        if end > len(fetched):
            return
        yield start, end
        start = end


def _screen_batch(  # noqa: PLR0913  where, what for, and where it is counted
    fetched: bytes | memoryview,
    start: int,
    end: int,
    find_marks: Callable[[bytes | memoryview, int, int], list[int]],
    screened: Screened,
    *,
    keep_last: bool,
) -> bytes | memoryview:
    if fetched[start + _MAGIC_AT] != 2:  # noqa: PLR2004  the batch version
        return fetched[start:end]
    attributes = _ATTRIBUTES.unpack_from(fetched, start + _ATTRIBUTES_AT)[0]
    compression = attributes & _CODEC_BITS
    if attributes & _CONTROL_BIT or (compression and compression not in _DECOMPRESS):
        return fetched[start:end]
    count = _COUNT.unpack_from(fetched, start + _COUNT_AT)[0]
    records: bytes | memoryview
    if compression:
        records = _DECOMPRESS[compression](bytes(fetched[start + _RECORDS_AT : end]))
        first, after = 0, len(records)
    else:
        records, first, after = fetched, start + _RECORDS_AT, end
    screened.records += count
    screened.size += after - first
    marks = find_marks(records, first, after)
    if not marks and not keep_last:
        screened.skipped += count
        return b""
    kept = list(_kept(records, first, after, marks, keep_last=keep_last))
    screened.skipped += count - len(kept)
    return _batch(bytes(fetched[start : start + _RECORDS_AT]), attributes & ~_CODEC_BITS, kept)


def _kept(
    records: bytes | memoryview, start: int, end: int, marks: list[int], *, keep_last: bool
) -> Iterator[bytes | memoryview]:
    """The records that hold a mark, and the last one if it is to be kept."""
    coming = iter(marks)
    mark = next(coming, end)
    while start < end:
        length, body = decode_varint(records, start)
        after = body + length
        if mark < after or (keep_last and after == end):
            yield records[start:after]
            while mark < after:
                mark = next(coming, end)
        elif mark == end and not keep_last:
            return
        start = after


def _batch(header: bytes, attributes: int, records: list[bytes | memoryview]) -> bytes:
    """A batch of these records, otherwise as its header says."""
    body = b"".join(records)
    batch = bytearray(header + body)
    _START.pack_into(batch, 0, _START.unpack_from(header)[0], len(batch) - _LENGTH_END)
    _ATTRIBUTES.pack_into(batch, _ATTRIBUTES_AT, attributes)
    _COUNT.pack_into(batch, _COUNT_AT, len(records))
    _CRC.pack_into(batch, _CRC_AT, calc_crc32c(bytes(batch[_ATTRIBUTES_AT:])))
    return bytes(batch)
