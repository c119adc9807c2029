from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from root_sessions import GRANTED_AT, HOUR, KEY, Followed, action, grant, granted

from streams.extraction.sighting import Resource
from streams.sessions.action import mark
from streams.sessions.joining.session import Session
from streams.sessions.joining.state import Close, Kept, KeyState
from streams.sessions.meaning.tally import Count, Headline, Tally
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

TALLY = Tally(
    counts=(Count("s3.amazonaws.com", "PutBucketPolicy", "success", 2),),
    resources=(Resource("arn:b", "t", "222222222222"),),
    has_more_resources=True,
    first=GRANTED_AT,
    last=GRANTED_AT + HOUR,
    severity="high",
    headline=Headline("high", False, GRANTED_AT, "event-1", "did it"),  # noqa: FBT003  as it is stored
    from_own_address=True,
    cut=("user_agent",),
)
USED = KeyState(
    sessions=(Session(granted().rule_id, grant(), "alert-1", GRANTED_AT + HOUR, TALLY, 3, is_open=False),),
    marks=(1, 2**64 - 1),
    kept=(Kept((1, 2**64 - 1), GRANTED_AT, is_joined=True), Kept((2,), GRANTED_AT + 1, is_joined=False)),
)
# Bytes that lie in tables and changelogs; what a release has written is never taken from here.
STATES = {
    "c301c159cbae4ad0a6b5000000": KeyState(),
    "c301c159cbae4ad0a6b5023a6177732d7374732d617373756d652d726f6f742d726172652d70616972266772616e742d3137"
    "3239383839353331303030f0d19bd7d864b0c089d8d8646261726e3a6177733a7374733a3a3131313131313131313131313a"
    "617373756d65642d726f6c652f41646d696e2f6d617279183232323232323232323232322841534941494f53464f444e4e37"
    "4558414d504c45026c61726e3a6177733a69616d3a3a6177733a706f6c6963792f726f6f742d7461736b2f5333556e6c6f63"
    "6b4275636b6574506f6c69637902123139322e302e322e31020e616c6572742d31f08bd3dad864022073332e616d617a6f6e"
    "6177732e636f6d1e5075744275636b6574506f6c6963790e73756363657373040002020a61726e3a62020274021832323232"
    "3232323232323232000102f0d19bd7d86402f08bd3dad864086869676802086869676800f0d19bd7d8640e6576656e742d31"
    "0c64696420697401000214757365725f6167656e7400060000200000000000000001ffffffffffffffff0420000000000000"
    "0001fffffffffffffffff0d19bd7d86401100000000000000002f2d19bd7d8640000": USED,
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
