"""From the bytes of a message to its records: decompress, decode, find its shape (R1 to R9).

Rules:
- Everything in a message comes out, in order, as a record, as passed over (it is known to hold none) or as unreadable.
- What is unreadable more than ``MOST_UNREADABLE`` times is rejected as a whole, and read no further: 64 kB of gzip can
  hold millions of elements that are nothing, and a worker must live through that (R3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.extraction.record import Unreadable
from streams.inputs.read_context import MOST_UNREADABLE, ReadContext, SizeBudget
from streams.inputs.shapes import read_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Item


def read(value: bytes | None, limit: int) -> Iterator[Item]:
    """Read a message.

    Args:
        value: the bytes as they came; ``None`` is a tombstone.
        limit: how many bytes it may have, decompressed.
    """
    unreadable = 0
    for item in ReadContext(read_value, SizeBudget(limit)).message(value or b""):
        unreadable += isinstance(item, Unreadable)
        if unreadable > MOST_UNREADABLE:
            yield Unreadable("malformed", f"more than {MOST_UNREADABLE} elements are unreadable")
            return
        yield item
