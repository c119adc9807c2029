"""``explain`` recognises what rootwatch itself wrote to a topic."""

from __future__ import annotations

import pytest
from root_sessions import KEY, Followed, action, granted

from streams.commands.terminal.stored_values import describe_stored_value
from streams.sessions.joining.state import Close
from streams.wire.sessions import item
from streams.wire.sessions.published import ACTIVITY, SUMMARY

FOLLOWED = Followed()
FOLLOWED.take_all([granted(), action()])
FOLLOWED.close()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("an activity", ACTIVITY.encode(FOLLOWED.activities[0])),
        ("a summary", SUMMARY.encode(FOLLOWED.summaries[0])),
        ("an item of sessions", item.encode(granted())),
        ("an item of sessions", item.encode(action())),
        ("an item of sessions", item.encode(Close(KEY, 1, 2))),
    ],
)
def test_values_of_sessions(kind: str, value: bytes) -> None:
    """Each value of the topics of sessions is named, with the command that tells its session."""
    expected = f"no CloudTrail but {kind}, which rootwatch wrote; tell the session: rootwatch session {KEY}"
    assert describe_stored_value(value) == expected


@pytest.mark.parametrize("value", [b"", b"{}", b"\xc3\x01 and something else"])
def test_other_values(value: bytes) -> None:
    """What rootwatch did not write is not described."""
    assert describe_stored_value(value) is None
