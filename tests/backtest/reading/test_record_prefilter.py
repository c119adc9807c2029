from __future__ import annotations

import json
from typing import Any

import pytest
import root_sessions
from cloudtrail_messages import OTHER, RECORD, changed
from sightings import RULES

from streams import pipeline
from streams.backtest.reading.record_prefilter import Narrowed, narrow
from streams.pipeline import ExtractSettings, sight

FOLLOWING = ExtractSettings(follow_sessions=True)
ACTION = root_sessions.record()
# Without a resource of the type AWS::IAM::Root, which is no mark either.
QUIET = changed({"resources": []}, OTHER)
QUEUED = {"messageId": "m", "body": json.dumps(RECORD)}
FILES = {
    "a log file": [OTHER, RECORD, OTHER],
    "a log file with an action": [OTHER, ACTION, RECORD, OTHER],
    "an action before a message of a queue": [ACTION, QUEUED],
    "messages of a queue": [QUEUED, QUEUED],
    "a record before a message of a queue": [OTHER, QUEUED],
    "a message of a queue before a record": [QUEUED, RECORD],
    "a message without the event before one with it": [{"messageId": "m", "body": json.dumps(OTHER)}, QUEUED],
    "something else before a message of a queue": [{"a": 1}, QUEUED],
}


def narrowed_by(value: bytes, extract_settings: ExtractSettings) -> Narrowed | None:
    return narrow(
        value, pipeline.compile_matcher(RULES, extract_settings), pipeline.compile_finder(RULES, extract_settings)
    )


@pytest.mark.parametrize("extract_settings", [ExtractSettings(), FOLLOWING], ids=["rule only", "sessions"])
@pytest.mark.parametrize("name", FILES)
def test_a_narrowed_file_holds_the_same(name: str, extract_settings: ExtractSettings) -> None:
    """R4, R8: dropping entries never turns a log file into something else, or something else into a log file."""
    entries: list[dict[str, Any]] = FILES[name]
    value = json.dumps({"Records": entries}, separators=(",", ":")).encode()
    narrowed = narrowed_by(value, extract_settings)
    if narrowed is not None:
        left, whole = (sight(content, RULES, extract_settings) for content in (narrowed.value, value))
        assert (left.sightings, left.actions) == (whole.sightings, whole.actions)


def test_a_log_file_is_narrowed() -> None:
    """A trail's file keeps only entries that may match; else the test above would prove nothing."""
    value = json.dumps({"Records": [OTHER, RECORD, OTHER]}, separators=(",", ":")).encode()
    narrowed = narrowed_by(value, ExtractSettings())
    assert narrowed is not None
    assert (narrowed.elements, narrowed.left_out) == ((1,), 2)


def test_a_log_file_of_fifty_with_one_action_is_narrowed_to_it() -> None:
    """S1: an action of root is kept if sessions are followed; a user whose name ends with Root is not."""
    named = changed({"userIdentity.sessionContext.sessionIssuer.userName": "FalsimentisRoot"}, QUIET)
    entries = [*[QUIET] * 20, ACTION, *[named] * 29]
    value = json.dumps({"Records": entries}, separators=(",", ":")).encode()
    narrowed = narrowed_by(value, FOLLOWING)
    assert narrowed is not None
    assert (narrowed.elements, narrowed.left_out) == ((20,), 49)
    [action] = sight(narrowed.value, RULES, FOLLOWING).actions
    assert action.event.name == ACTION["eventName"]
    unfollowed = narrowed_by(value, ExtractSettings())
    assert unfollowed is not None
    assert unfollowed.left_out == 50
