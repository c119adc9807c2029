"""A dead letter gives reason and origin, and is never larger than its topic accepts."""

from __future__ import annotations

import pytest

from streams.extraction.sighting import Origin
from streams.pipeline import Rejected
from streams.worker.agents.dead_letter import compose

ROOM = 10_000
ORIGIN = Origin("cloudtrail", 3, 4711, 1_767_225_600_000)
PLACE = {"topic": b"cloudtrail", "partition": b"3", "offset": b"4711"}


@pytest.mark.parametrize(
    ("rejected", "more"),
    [
        (Rejected("malformed", "cut", None, b"{", redacted=False), {}),
        (Rejected("incomplete", "no time", 0, b"{}", redacted=False), {"element": b"0"}),
        (Rejected("incomplete", "no time", 12, b"{}", redacted=True), {"element": b"12", "redacted": b"true"}),
    ],
)
def test_headers(rejected: Rejected, more: dict[str, bytes]) -> None:
    """P5: reason, error, topic, partition and offset are always there; element and redacted only if they apply."""
    letter = compose("dead", b"key", rejected, ORIGIN, ROOM)
    said = {"reason": rejected.reason.encode(), "error": rejected.error.encode(), **PLACE, **more}
    assert dict(letter.headers) == said
    assert len(letter.headers) == len(said)
    assert (letter.topic, letter.key, letter.value, letter.partition) == ("dead", b"key", rejected.content, None)


@pytest.mark.parametrize(
    ("key", "length", "kept"),
    [
        (None, ROOM, None),
        (None, ROOM + 1, ROOM),
        (b"k" * 1000, ROOM - 1000, None),
        (b"k" * 1000, ROOM - 999, ROOM - 1000),
    ],
)
def test_cut(key: bytes | None, length: int, kept: int | None) -> None:
    """P5: content is cut to what the topic accepts beside the key, and ``truncated`` has its full length."""
    letter = compose("dead", key, Rejected("too-large", "large", None, b"x" * length, redacted=False), ORIGIN, ROOM)
    assert letter.value is not None
    assert len(letter.value) == (kept or length)
    assert dict(letter.headers).get("truncated") == (None if kept is None else str(length).encode())
