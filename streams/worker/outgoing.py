"""A record on its way to Kafka, and how large one may be."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

_FRAME_BYTES = 64 * 1024
# How many bytes are sent between two waits; the record that exceeds this is the last of them.
SLICE_BYTES = 8 * 1024 * 1024


class Outgoing(Struct, frozen=True, gc=False):
    """One record to send; ``partition`` is given only if it differs from the key's partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


def largest_record(max_record_size: int) -> int:
    """Return how many bytes key and value of one record may have: the setting, less the bytes of headers and frame."""
    return max_record_size - _FRAME_BYTES


class Acknowledged(Protocol):
    """The broker's acknowledgement of a record."""

    @property
    def offset(self) -> int:
        """The record's offset in its partition."""
