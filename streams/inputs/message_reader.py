"""From the bytes of a message to its records: decompress, decode, find its shape (R1 to R9).

Rules:
- Every element of a message is given, in order: as a record, as passed over (it holds no record) or as unreadable.
- If more than ``MOST_UNREADABLE`` elements are unreadable, the message is rejected and reading stops: 64 kB of gzip can
  hold millions of such elements, and the worker must survive that (R3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.content.compression import SizeBudget
from streams.extraction.record import Unreadable
from streams.inputs.read_context import MOST_UNREADABLE, ReadContext
from streams.inputs.shapes import read_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Item


class UnpackedMessage(bytes):
    """The bytes of a message as they came, with their content decompressed: nothing is decompressed twice.

    Attributes:
        content: what the bytes decompress to.
    """

    content: bytes

    @classmethod
    def of(cls, value: bytes, content: bytes) -> UnpackedMessage:
        """Return a message with its content."""
        message = cls(value)
        message.content = content
        return message


def size_in_memory(value: bytes | None) -> int:
    """Return how many bytes a message takes, its decompressed content included."""
    return len(value or b"") + (len(value.content) if isinstance(value, UnpackedMessage) else 0)


def read(value: bytes | None, limit: int) -> Iterator[Item]:
    """Read a message.

    Args:
        value: the bytes as they came; ``None`` is a tombstone.
        limit: the largest size of the message in bytes, decompressed.
    """
    if isinstance(value, UnpackedMessage):
        return read_unpacked(value.content, value, SizeBudget(limit, len(value.content)))
    return _bounded(ReadContext(read_value, SizeBudget(limit)).message(value or b""))


def read_unpacked(content: bytes, value: bytes, budget: SizeBudget) -> Iterator[Item]:
    """Read a message that is decompressed already, so that nothing is decompressed twice.

    Args:
        content: what ``budget.unpack`` returned for the message.
        value: the bytes as they came.
        budget: what is left of the message's bound.
    """
    return _bounded(ReadContext(read_value, budget).unpacked(content, value))


def _bounded(items: Iterator[Item]) -> Iterator[Item]:
    unreadable = 0
    for item in items:
        unreadable += isinstance(item, Unreadable)
        if unreadable > MOST_UNREADABLE:
            yield Unreadable("malformed", f"more than {MOST_UNREADABLE} elements are unreadable")
            return
        yield item
