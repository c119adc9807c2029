"""An unexpected failure, with the records that were being handled, in the form that ``--skip`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Located(Protocol):
    """A record of a Kafka topic."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset."""


class FailedInHand(Exception):  # noqa: N818  it says what was in hand, not what the error is
    """An unexpected failure while records were in hand; the failure itself is its ``__cause__``.

    Attributes:
        records: the record as ``topic:partition:offset``, which ``--skip`` takes; or those of a batch, as
            ``topic:partition:first-last`` per partition.
    """

    def __init__(self, records: str) -> None:
        super().__init__(records)
        self.records = records


def failed_record(record: Located) -> FailedInHand:
    """Return the failure of one record."""
    return FailedInHand(f"{record.topic}:{record.partition}:{record.offset}")


def failed_batch(records: Iterable[Located], failure: Exception) -> FailedInHand:
    """Return the failure of a batch as a whole."""
    offsets: dict[tuple[str, int], list[int]] = {}
    for record in records:
        offsets.setdefault((record.topic, record.partition), []).append(record.offset)
    spans = (f"{topic}:{number}:{min(found)}-{max(found)}" for (topic, number), found in sorted(offsets.items()))
    named = FailedInHand(", ".join(spans))
    named.__cause__ = failure
    return named
