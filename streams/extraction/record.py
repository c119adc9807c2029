"""What the inputs give to extraction: CloudTrail events under CloudTrail's own field names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Record(Struct, frozen=True, gc=False):
    """One CloudTrail event.

    Attributes:
        fields: the event under CloudTrail's field names, for every shape; an ECS document without success has an
            ``errorCode`` (T2).
        source: the element as it arrived; the alert shows it, redacted.
        shape: the name of the message shape (R1), for metrics and ``explain``.
        element: its zero-based position among the elements of its message; ``None`` if it is the whole message.
        document: the objects that hold the fields of an Elastic document after ingest, by which queries judge it (U2);
            the first that has a field counts. ``None`` for a raw record, and for a document that only carries one or
            that its pipeline left half way.
        loss: what the element does not tell of the event, in words, if the fields were restored from another schema
            (R10); else ``None``.
        text: the bytes that ``source`` was parsed from, if they are known and hold nothing else.
    """

    fields: Mapping[str, Any]
    source: Mapping[str, Any]
    shape: str
    element: int | None = None
    document: tuple[Mapping[str, Any], ...] | None = None
    loss: str | None = None
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message, or one element of it, that could not be read.

    Attributes:
        reason: ``malformed``, ``unknown-shape`` or ``too-large``: the dead letter's ``reason`` header.
        error: what is wrong, in words, without any of the content's values.
        element: as in ``Record``; ``None`` for a whole message.
        content: the bytes of the bad element, not redacted yet; ``None`` for a whole message, whose own bytes are used.
    """

    reason: str
    error: str
    element: int | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A message or element that holds no sighting: a digest, a tombstone, a record of another event (R5, T1).

    Attributes:
        reason: why, in words; the reason may quote the record.
        element: as in ``Record``; ``None`` for a whole message.
    """

    reason: str
    element: int | None = None
