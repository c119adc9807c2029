r"""What is remembered of sessions, as bytes: the contract of their table and its changelog topic.

These bytes outlive the process that wrote them, in RocksDB and in compacted topics. Version 1 of the contract:

- A key is a JSON array without blanks, in ASCII, as in ``wire/memory.py``::

      ["session","ASIAIOSFODNN7EXAMPLE"]                        access key id: a ``KeyState``
      ["action","ASIAIOSFODNN7EXAMPLE","00f1e2d3c4b5a697"]      access key id, mark as hex digits: an action

- A state is Avro in single-object encoding (``schemas/session_state.avsc``). An action is what ``item.py`` encodes.
- A key of another kind, or of another form, was written by a newer version and is refused like such a value.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.sessions.action import Action
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import Kept, KeyState
from streams.sessions.meaning.tally import Count, Headline, Tally
from streams.wire.sessions import datum, item
from streams.wire.single_object import SingleObjectCodec, WireError
from streams.wire.state_key import parts_of, to_bytes, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODEC = SingleObjectCodec.of("session_state")
_MARK_BYTES = 8
_MARK = re.compile(r"[0-9a-f]{16}")

ALL_STATES = b'["session",'  # what the keys of all states, and no others, begin with


class StateKey(NamedTuple):
    """The key of a ``KeyState``."""

    access_key_id: str


class ActionKey(NamedTuple):
    """The key of a whole action."""

    access_key_id: str
    mark: int


def encode_state(state: KeyState) -> bytes:
    """The stored value of what is remembered of a key."""
    return _CODEC.encode(
        {
            "sessions": [datum.datum(session) for session in state.sessions],
            "marks": _packed(state.marks),
            "kept": [
                {"marks": _packed(kept.marks), "arrived": kept.arrived, "is_joined": kept.is_joined}
                for kept in state.kept
            ],
        }
    )


def decode_state(value: bytes) -> KeyState:
    """What is remembered of a key, from its stored value; ``WireError`` if it is none, or a newer version wrote it."""
    fields = _CODEC.decode(value)
    return KeyState(
        sessions=tuple(_session(session) for session in fields["sessions"]),
        marks=_unpacked(fields["marks"]),
        kept=tuple(Kept(_unpacked(kept["marks"]), kept["arrived"], kept["is_joined"]) for kept in fields["kept"]),
    )


def encode_action(action: Action) -> bytes:
    """The stored value of a whole action."""
    return item.encode(action)


def decode_action(value: bytes) -> Action:
    """The whole action from its stored value; ``WireError`` if it is none, or a newer version wrote it."""
    decoded = item.decode(value)
    if not isinstance(decoded, Action):
        raise WireError(f"a {type(decoded).__name__} in the table of sessions where an action is expected")
    return decoded


def state_key(access_key_id: str) -> bytes:
    """The key under which a key's state is stored."""
    return to_bytes("session", access_key_id)


def action_key(access_key_id: str, mark: int) -> bytes:
    """The key under which a whole action is stored."""
    return to_bytes("action", access_key_id, f"{mark:016x}")


def parse_key(key: bytes) -> StateKey | ActionKey:
    """What a stored key says.

    Raises:
        WireError: the key has no form of this version.
    """
    parsed: StateKey | ActionKey | None = None
    match parts_of(key):
        case ["session", str(access_key_id)]:
            parsed = StateKey(access_key_id)
        case ["action", str(access_key_id), str(mark)] if _MARK.fullmatch(mark):
            parsed = ActionKey(access_key_id, int(mark, 16))
    if parsed is None:
        raise unknown(key)
    return parsed


def key_of(parsed: StateKey | ActionKey) -> bytes:
    """The stored key again: the inverse of ``parse_key``."""
    return state_key(*parsed) if isinstance(parsed, StateKey) else action_key(*parsed)


def _session(fields: Mapping[str, Any]) -> Session:
    tally = dict(fields["tally"])
    tally["counts"] = tuple(Count(**count) for count in tally["counts"])
    tally["resources"] = datum.resources(tally["resources"])
    tally["headline"] = Headline(**tally["headline"]) if tally["headline"] else None
    tally["cut"] = tuple(tally["cut"])
    return Session(**dict(fields) | {"grant": datum.grant(fields["grant"]), "tally": Tally(**tally)})


def _packed(marks: tuple[int, ...]) -> bytes:
    return struct.pack(f">{len(marks)}Q", *marks)


def _unpacked(data: bytes) -> tuple[int, ...]:
    if len(data) % _MARK_BYTES:
        raise WireError(f"marks of {len(data)} bytes, which is no multiple of {_MARK_BYTES}")
    return struct.unpack(f">{len(data) // _MARK_BYTES}Q", data)
