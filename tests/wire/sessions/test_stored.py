from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from root_sessions import GRANTED_AT, HOUR, KEY, Followed, action, granted

from streams.extraction.sighting import Resource
from streams.sessions.action import mark
from streams.sessions.state import Close, KeyState
from streams.wire.sessions import item
from streams.wire.sessions.state import (
    ALL_STATES,
    ActionKey,
    StateKey,
    action_key,
    decode_action,
    decode_state,
    encode_action,
    encode_state,
    key_of,
    parse_key,
    state_key,
)
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from streams.sessions.action import Action
    from streams.sessions.grant import Granted

FULL = action(
    shared_event_id="s",
    region="us-east-1",
    read_only=False,
    error_code="AccessDenied",
    error_message="no",
    resources=(Resource("arn:b", "t", "222222222222"), Resource()),
    request_parameters='{"bucketName":"b-1"}',
    cut=("user_agent",),
)
ITEMS = [
    granted(),
    granted(alert_id=None, task_policy=None, source_ip=None),
    FULL,
    action(created_at=None),
    Close(KEY, 1, 2),
]

# Bytes that lie in tables and changelogs; what a release has written is never taken from here.
USED = Followed()
USED.take_all([granted(), action()])
STATES = {
    "c301c159cbae4ad0a6b5000000": KeyState(),
    "c301c159cbae4ad0a6b5023a6177732d7374732d617373756d652d726f6f742d726172652d70616972266772616e742d3137"
    "3239383839353331303030f0d19bd7d864b0c089d8d8646261726e3a6177733a7374733a3a3131313131313131313131313a"
    "617373756d65642d726f6c652f41646d696e2f6d617279183232323232323232323232322841534941494f53464f444e4e37"
    "4558414d504c45026c61726e3a6177733a69616d3a3a6177733a706f6c6963792f726f6f742d7461736b2f5333556e6c6f63"
    "6b4275636b6574506f6c69637902123139322e302e322e31020e616c6572742d31f08bd3dad864022073332e616d617a6f6e"
    "6177732e636f6d2444656c6574654275636b6574506f6c6963790e737563636573730200000002b0fba2d7d86402b0fba2d7"
    "d8640c6d656469756d020c6d656469756d00b0fba2d7d8644673332d44656c6574654275636b6574506f6c6963792d313732"
    "393838393539313030303864656c6574656420746865206275636b657420706f6c696379206f660100000001001089b1f7c4"
    "9d36efe7021089b1f7c49d36efe7f08bd3dad8640100": USED.state,
}
KEYS = {
    b'["session","ASIAIOSFODNN7EXAMPLE"]': StateKey(KEY),
    b'["action","ASIAIOSFODNN7EXAMPLE","1d4103bffb51791d"]': ActionKey(KEY, mark("event-1")),
    b'["action","ASIAIOSFODNN7EXAMPLE","0000000000000000"]': ActionKey(KEY, 0),
}


@pytest.mark.parametrize("one", ITEMS)
def test_an_item_survives_its_topic(one: Granted | Action | Close) -> None:
    """S3, S9: grants, actions and closes are read as they were written."""
    assert item.decode(item.encode(one)) == one


@pytest.mark.parametrize("value", [b"", b"{}", b"\xc3\x01" + bytes(8), item.encode(FULL)[:-1]])
def test_other_bytes_are_refused(value: bytes) -> None:
    """Bytes on the sessions topic that are no item are one named error."""
    for decode in (item.decode, decode_state, decode_action):
        with pytest.raises(WireError):
            decode(value)


def test_an_item_is_exactly_one_thing() -> None:
    """An item that holds nothing is refused; so is a grant in place of a stored action."""
    nothing = item.encode(Close(KEY, 1, 2))[:10] + bytes(3)
    with pytest.raises(WireError, match="not exactly one"):
        item.decode(nothing)
    with pytest.raises(WireError, match="Granted in the table of sessions"):
        decode_action(item.encode(granted()))


def test_a_state_survives_its_table() -> None:
    """A2: what is remembered of a key comes back as it was, at every step of a session."""
    followed = Followed()
    followed.take(FULL)
    for step in (
        action("ListBuckets"),
        granted(),
        FULL,
        action("PutBucketPolicy"),
        Close(KEY, 1, GRANTED_AT + 9 * HOUR),
    ):
        followed.take(step)
        assert decode_state(encode_state(followed.state)) == followed.state
        for stored in followed.whole.values():
            assert decode_action(encode_action(stored)) == stored


@pytest.mark.parametrize("stored", STATES)
def test_state_samples(stored: str) -> None:
    """A stored state means what it meant when it was released, and is what is written today."""
    assert decode_state(bytes.fromhex(stored)) == STATES[stored]
    assert encode_state(STATES[stored]).hex() == stored


@pytest.mark.parametrize("stored", KEYS)
def test_key_samples(stored: bytes) -> None:
    """A stored key means what it meant when it was released, and is what is written today."""
    assert parse_key(stored) == KEYS[stored]
    assert key_of(KEYS[stored]) == stored


@given(st.text(), st.integers(0, 2**64 - 1))
def test_keys_are_read_as_they_were_written(access_key_id: str, number: int) -> None:
    """Whatever an access key id holds, its keys say it."""
    assert parse_key(state_key(access_key_id)) == StateKey(access_key_id)
    assert parse_key(action_key(access_key_id, number)) == ActionKey(access_key_id, number)
    assert state_key(access_key_id).startswith(ALL_STATES)
    assert not action_key(access_key_id, number).startswith(ALL_STATES)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"[]",
        b'["session"]',
        b'["session","a","b"]',
        b'["action","a","1"]',
        b'["pair","a","b"]',
        b'["session", "a"]',
    ],
)
def test_other_keys_are_refused(key: bytes) -> None:
    """A key of another form was written by a newer version, and is refused."""
    with pytest.raises(WireError, match="newer version"):
        parse_key(key)


def test_a_session_of_a_hundred_actions_is_small() -> None:
    """S5: the state of a session with a hundred actions takes few kilobytes: ten thousand of them fit a worker."""
    followed = Followed()
    followed.take(granted())
    followed.take_all(action(id=f"{number:036d}", time=GRANTED_AT + number) for number in range(100))
    assert len(encode_state(followed.state)) < 4_000
