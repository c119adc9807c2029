"""Items on the topic between ``[sight]``, ``[detect]`` and ``[trace]``: always Avro single-object encoding."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.extraction.sighting import Resource
from streams.sessions.action import Action, ActionEvent
from streams.sessions.grant import Grant, Granted
from streams.sessions.joining.state import Close
from streams.wire.sessions import datum
from streams.wire.single_object import WireError
from streams.wire.value_codec import ValueCodec


class _Item(NamedTuple):
    """The record of the schema: exactly one of its fields is an item."""

    granted: Granted | None = None
    action: Action | None = None
    close: Close | None = None


def encode(item: Granted | Action | Close) -> bytes:
    """The item's bytes; ``ValueError`` for a value outside its type, such as a time of more than 64 bits."""
    match item:
        case Granted():
            return CODEC.encode(_Item(granted=item))
        case Action():
            return CODEC.encode(_Item(action=item))
        case _:
            return CODEC.encode(_Item(close=item))


def decode(data: bytes) -> Granted | Action | Close:
    """The item from its bytes; ``WireError`` if they are none, or a newer version wrote them."""
    match CODEC.decode(data):
        case _Item(None, None, Close() as close):
            return close
        case _Item(None, Action() as action, None):
            return action
        case _Item(Granted() as granted, None, None):
            return granted
    raise WireError("an item of sessions that is not exactly one of grant, action and close")


def _datum(item: _Item) -> dict[str, Any]:
    return {name: None if one is None else datum.datum(one) for name, one in item._asdict().items()}


def _item(fields: dict[str, Any]) -> _Item:
    granted, action, close = fields["granted"], fields["action"], fields["close"]
    return _Item(
        granted and Granted(granted["rule_id"], datum.grant(granted["grant"]), granted["alert_id"]),
        action and datum.action(action),
        close and Close(**close),
    )


CODEC = ValueCodec(
    "session_item",
    {
        "SessionItem": _Item,
        "Granted": Granted,
        "Grant": Grant,
        "Action": Action,
        "Event": ActionEvent,
        "Resource": Resource,
        "Close": Close,
    },
    _datum,
    _item,
)
