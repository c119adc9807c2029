"""Recognises values that rootwatch itself wrote to a topic, and says what tells more of them."""

from __future__ import annotations

from contextlib import suppress

from streams.extraction.sighting import Origin
from streams.wire import alert, sighting
from streams.wire.sessions import item
from streams.wire.sessions.published import ACTIVITY, SUMMARY
from streams.wire.single_object import MAGIC, WireError


def describe_stored_value(value: bytes) -> str | None:
    """Say what a value is that rootwatch wrote, and which command tells more; ``None`` for any other value."""
    if not value.startswith(MAGIC):
        return None
    for describe in (_sighting, _alert, _activity, _summary, _item):
        with suppress(WireError):
            return describe(value)
    return None


def _sighting(value: bytes) -> str:
    return _description("a sighting", sighting.decode(value).origin)


def _alert(value: bytes) -> str:
    origin = alert.decode(value)["origin"]
    return _description("an alert", Origin(**origin) if origin else None)


def _activity(value: bytes) -> str:
    return _of_session("an activity", ACTIVITY.read(value)["grant"]["issued_access_key_id"])


def _summary(value: bytes) -> str:
    return _of_session("a summary", SUMMARY.read(value)["grant"]["issued_access_key_id"])


def _item(value: bytes) -> str:
    return _of_session("an item of sessions", item.decode(value).access_key_id)


def _of_session(kind: str, key: str) -> str:
    return f"no CloudTrail but {kind}, which rootwatch wrote; tell the session: rootwatch session {key}"


def _description(kind: str, origin: Origin | None) -> str:
    what = f"no CloudTrail but {kind}, which rootwatch wrote"
    if origin is None:
        return f"{what}; its record was read from a file"
    return (
        f"{what}; explain its message: rootwatch explain --topic {origin.topic} "
        f"--offset {origin.partition}:{origin.offset}"
    )
