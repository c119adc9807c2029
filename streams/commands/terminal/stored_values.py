"""Recognises values that rootwatch itself wrote to a topic, and says which message they came from."""

from __future__ import annotations

from streams.extraction.sighting import Origin
from streams.wire import alert, sighting
from streams.wire.single_object import MAGIC, WireError


def describe_stored_value(value: bytes) -> str | None:
    """Say that a value is a sighting or an alert, and how to explain its message; ``None`` for any other value."""
    if not value.startswith(MAGIC):
        return None
    try:
        return _description("a sighting", sighting.decode(value).origin)
    except WireError:
        pass
    try:
        origin = alert.decode(value)["origin"]
    except WireError:
        return None
    return _description("an alert", Origin(**origin) if origin else None)


def _description(kind: str, origin: Origin | None) -> str:
    what = f"no CloudTrail but {kind}, which rootwatch wrote"
    if origin is None:
        return f"{what}; its record was read from a file"
    return (
        f"{what}; explain its message: rootwatch explain --topic {origin.topic} "
        f"--offset {origin.partition}:{origin.offset}"
    )
