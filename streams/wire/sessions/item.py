"""Items on the topic between ``[sight]``, ``[detect]`` and ``[trace]``: always Avro single-object encoding."""

from __future__ import annotations

from streams.sessions.action import Action
from streams.sessions.grant import Granted
from streams.sessions.joining.state import Close
from streams.wire.sessions import datum
from streams.wire.single_object import SingleObjectCodec, WireError

_CODEC = SingleObjectCodec.of("session_item")
_NONE = {"granted": None, "action": None, "close": None}


def encode(item: Granted | Action | Close) -> bytes:
    """The item's bytes; ``ValueError`` for a value outside its type, such as a time of more than 64 bits."""
    match item:
        case Granted():
            name = "granted"
        case Action():
            name = "action"
        case _:
            name = "close"
    return _CODEC.encode(_NONE | {name: datum.datum(item)})


def decode(data: bytes) -> Granted | Action | Close:
    """The item from its bytes; ``WireError`` if they are none, or a newer version wrote them."""
    match _CODEC.decode(data):
        case {"granted": dict(fields), "action": None, "close": None}:
            return Granted(fields["rule_id"], datum.grant(fields["grant"]), fields["alert_id"])
        case {"granted": None, "action": dict(fields), "close": None}:
            return datum.action(fields)
        case {"granted": None, "action": None, "close": dict(fields)}:
            return Close(**fields)
    raise WireError("an item of sessions that is not exactly one of grant, action and close")
