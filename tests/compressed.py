"""Compressed values as producers write them, for tests of several layers."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import cramjam

if TYPE_CHECKING:
    from collections.abc import Callable


def java_snappy(content: bytes, block: int = 32 * 1024) -> bytes:
    """A value as Java's ``SnappyOutputStream`` writes it: a header, then each block after its length."""
    packed = [bytes(cramjam.snappy.compress_raw(content[at : at + block])) for at in range(0, len(content), block)]
    return b"\x82SNAPPY\0\0\0\0\1\0\0\0\1" + b"".join(len(one).to_bytes(4, "big") + one for one in packed)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "zlib": zlib.compress,
    "zlib, not compressed": lambda content: zlib.compress(content, 0),
    "zlib, level 5": lambda content: zlib.compress(content, 5),
    "zlib, best": lambda content: zlib.compress(content, 9),
    "zstd": lambda content: bytes(cramjam.zstd.compress(content)),
    "lz4": lambda content: bytes(cramjam.lz4.compress(content)),
    "snappy": lambda content: bytes(cramjam.snappy.compress(content)),
    "snappy of Java": java_snappy,
}
