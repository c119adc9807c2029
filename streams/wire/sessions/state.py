r"""What is remembered of sessions, as bytes: the contract of their table and its changelog topic.

These bytes outlive the process that wrote them, in RocksDB and in compacted topics. Version 1 of the contract:

- A key is a JSON array without blanks, in ASCII, as in ``wire/stored/memory.py``::

      ["session","ASIAIOSFODNN7EXAMPLE"]                        access key id: a ``KeyState``
      ["action","ASIAIOSFODNN7EXAMPLE","00f1e2d3c4b5a697"]      access key id, mark as hex digits: an action

- A state is Avro in single-object encoding (``schemas/session_state.avsc``). An action is what ``item.py`` encodes.
- A key of another kind, or of another form, was written by a newer version and is refused like such a value.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.extraction.sighting import Resource
from streams.sessions.action import Action
from streams.sessions.grant import Grant
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import Kept, KeyState
from streams.sessions.meaning.tally import Count, Headline, Tally
from streams.wire.sessions import datum, item
from streams.wire.single_object import WireError
from streams.wire.stored.state_key import parts_of, quoted, unknown
from streams.wire.value_codec import ValueCodec

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class _Kept(NamedTuple):
    """A ``Kept`` with its marks as bytes."""

    marks: bytes
    arrived: int
    is_joined: bool


class _Stored(NamedTuple):
    """A ``KeyState`` with its marks as bytes."""

    sessions: tuple[Session, ...]
    marks: bytes
    kept: tuple[_Kept, ...]


def encode_state(state: KeyState) -> bytes:
    """The stored value of what is remembered of a key."""
    kept = tuple([_Kept(_packed(kept.marks), kept.arrived, kept.is_joined) for kept in state.kept])
    return CODEC.encode(_Stored(state.sessions, _packed(state.marks), kept))


def decode_state(value: bytes) -> KeyState:
    """What is remembered of a key, from its stored value; ``WireError`` if it is none, or a newer version wrote it."""
    stored = CODEC.decode(value)
    return KeyState(
        sessions=stored.sessions,
        marks=_unpacked(stored.marks),
        kept=tuple(Kept(_unpacked(kept.marks), kept.arrived, kept.is_joined) for kept in stored.kept),
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
    return f'["session",{quoted(access_key_id)}]'.encode("ascii")


def action_key(access_key_id: str, mark: int) -> bytes:
    """The key under which a whole action is stored."""
    return f'["action",{quoted(access_key_id)},"{mark:016x}"]'.encode("ascii")


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


def _datum(stored: _Stored) -> dict[str, Any]:
    return {
        "sessions": [datum.datum(session) for session in stored.sessions],
        "marks": stored.marks,
        "kept": [kept._asdict() for kept in stored.kept],
    }


def _stored(fields: dict[str, Any]) -> _Stored:
    sessions = tuple(_session(session) for session in fields["sessions"])
    return _Stored(sessions, fields["marks"], tuple(_Kept(**kept) for kept in fields["kept"]))


def _packed(marks: tuple[int, ...]) -> bytes:
    return struct.pack(f">{len(marks)}Q", *marks) if marks else b""


def _unpacked(data: bytes) -> tuple[int, ...]:
    if len(data) % _MARK_BYTES:
        raise WireError(f"marks of {len(data)} bytes, which is no multiple of {_MARK_BYTES}")
    return struct.unpack(f">{len(data) // _MARK_BYTES}Q", data)


CODEC = ValueCodec(
    "session_state",
    {
        "KeyState": _Stored,
        "Session": Session,
        "Grant": Grant,
        "Tally": Tally,
        "Count": Count,
        "Resource": Resource,
        "Headline": Headline,
        "Kept": _Kept,
    },
    _datum,
    _stored,
)
