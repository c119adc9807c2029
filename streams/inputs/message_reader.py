"""From the bytes of a message to its records: decompress, decode, find its shape (R1 to R9).

Rules:
- Every element of a message is given, in order: as a record, as passed over (it holds no record) or as unreadable.
- If more than ``MOST_UNREADABLE`` elements are unreadable, the message is rejected and reading stops: 64 kB of gzip can
  hold millions of such elements, and the worker must survive that (R3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.content import json_text
from streams.content.compression import SizeBudget
from streams.extraction.record import Record, Unreadable
from streams.inputs.aws import cloudtrail
from streams.inputs.read_context import MOST_UNREADABLE, ReadContext
from streams.inputs.shapes import read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def read(value: bytes | None, limit: int) -> Iterable[Item]:
    """Read a message.

    Args:
        value: the bytes as they came; ``None`` is a tombstone.
        limit: the largest size of the message in bytes, decompressed.
    """
    if isinstance(value, UnpackedMessage):
        return read_unpacked(value.content, value, SizeBudget(limit, len(value.content)))
    if value is not None and value.startswith(b"{") and len(value) <= limit:  # nearly every message
        try:
            document = json_text.parse_plain(value)
        except ValueError:  # several documents, or one that is unusual, cut or damaged
            pass
        else:
            return _read_object(document, value, limit)
    return _bounded(ReadContext(read_value, SizeBudget(limit)).message(value or b""))


def _read_object(document: dict[str, Any], text: bytes, limit: int) -> Iterable[Item]:
    """Read what ``ReadContext.message`` would give for the bytes of a sole object, without its steps."""
    if cloudtrail.recognises(document):  # the first of the shapes
        if cloudtrail.has_usual_form(document):
            return (Record(document, document, cloudtrail.NAME, text=text),)
        return (cloudtrail.record(document, _OF_RECORD),)
    return _bounded(read_value(document, ReadContext(read_value, SizeBudget(limit), wrappers=1)))


def read_unpacked(content: bytes, value: bytes, budget: SizeBudget) -> Iterator[Item]:
    """Read a message that is decompressed already, so that nothing is decompressed twice.

    Args:
        content: what ``budget.unpack`` returned for the message.
        value: the bytes as they came.
        budget: what is left of the message's bound.
    """
    return _bounded(ReadContext(read_value, budget).unpacked(content, value))


_OF_RECORD = ReadContext(read_value, SizeBudget(0), shape=cloudtrail.NAME)
"""The context of a message that is one record: nothing in it is decompressed or numbered."""


def _bounded(items: Iterator[Item]) -> Iterator[Item]:
    unreadable = 0
    for item in items:
        if isinstance(item, Unreadable):
            unreadable += 1
            if unreadable > MOST_UNREADABLE:
                yield Unreadable("malformed", f"more than {MOST_UNREADABLE} elements are unreadable")
                return
        yield item
