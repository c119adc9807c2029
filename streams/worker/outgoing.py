"""A record on its way to Kafka, and how large one may be."""

from __future__ import annotations

from dataclasses import dataclass

_FRAME_BYTES = 64 * 1024
# How many bytes are sent between two waits; the record that goes beyond is the last.
SLICE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send; ``partition`` only where it is not the key's."""

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
    """Return how many bytes key and value of one record may take: the setting, less what headers and frame take."""
    return max_record_size - _FRAME_BYTES
