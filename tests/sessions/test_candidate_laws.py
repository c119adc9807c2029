from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from cloudtrail_messages import changed
from hypothesis import given, settings
from hypothesis import strategies as st
from root_sessions import RULES, granted, record, taken

from streams.extraction.extract import MAX_MESSAGE_SIZE
from streams.extraction.record import Record
from streams.inputs.message_reader import read
from streams.sessions.action import Action
from streams.sessions.candidate import candidate
from streams.sessions.joining.session import Session
from streams.sessions.meaning.activity import add_action
from streams.sessions.meaning.summary import summarise
from streams.wire.sessions import item
from streams.wire.sessions.published import ACTIVITY, SUMMARY, to_json_line

PATHS = st.sampled_from(
    [
        *record(),
        *(f"userIdentity.{name}" for name in record()["userIdentity"]),
        "userIdentity.sessionContext.attributes",
        "userIdentity.sessionContext.attributes.creationDate",
        "requestParameters.bucketName",
    ]
)
TEXT = st.text() | st.sampled_from(["\ud800", "x" * 70_000, "ä" * 70_000, "\x00", '{"sessionToken":"s"}'])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=400)
@given(PATHS, ANYTHING, PATHS, ANYTHING)
def test_whatever_a_record_holds_it_is_followed_or_counted(path: str, value: Any, other: str, another: Any) -> None:
    """R3, S2: no value of any field fails; what is a candidate can be sent, told and shown."""
    try:
        fields = changed({path: value, other: another}, record())
    except (KeyError, TypeError):  # one path lies below what the other replaced
        fields = changed({path: value}, record())
    for one in read(json.dumps(fields).encode(), MAX_MESSAGE_SIZE):
        found = candidate(one) if isinstance(one, Record) else None
        if not isinstance(found, Action):
            continue
        assert item.decode(item.encode(found)) == found
        session = Session.opened(granted(), 0)
        activity, tally = add_action(session, found, RULES)
        assert ACTIVITY.read(ACTIVITY.encode(activity))["activity_id"] == activity.activity_id
        summary = summarise(replace(session, tally=tally), RULES)
        assert SUMMARY.read(SUMMARY.encode(summary))["reason"] == summary.reason
        for line in (to_json_line(activity), to_json_line(summary)):
            assert json.loads(line)
            assert len(line) < 2_000_000


def test_a_candidate_is_one() -> None:
    """The record that the law above changes is a candidate as it is."""
    assert isinstance(taken(record()), Action)
