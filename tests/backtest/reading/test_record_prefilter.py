from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import OTHER, RECORD
from sightings import RULE

from streams import pipeline
from streams.backtest.reading.record_prefilter import narrow
from streams.pipeline import ExtractSettings, sight

QUEUED = {"messageId": "m", "body": json.dumps(RECORD)}
FILES = {
    "a log file": [OTHER, RECORD, OTHER],
    "messages of a queue": [QUEUED, QUEUED],
    "a record before a message of a queue": [OTHER, QUEUED],
    "a message of a queue before a record": [QUEUED, RECORD],
    "a message without the event before one with it": [{"messageId": "m", "body": json.dumps(OTHER)}, QUEUED],
    "something else before a message of a queue": [{"a": 1}, QUEUED],
}


@pytest.mark.parametrize("name", FILES)
def test_a_narrowed_file_holds_the_same_sightings(name: str) -> None:
    """R4, R8: dropping entries never turns a log file into something else, or something else into a log file."""
    entries: list[dict[str, Any]] = FILES[name]
    value = json.dumps({"Records": entries}, separators=(",", ":")).encode()
    narrowed = narrow(value, pipeline.compile_matcher(RULE), pipeline.compile_finder(RULE))
    if narrowed is not None:
        assert (
            sight(narrowed.value, RULE, ExtractSettings()).sightings == sight(value, RULE, ExtractSettings()).sightings
        )


def test_a_log_file_is_narrowed() -> None:
    """A trail's file keeps only entries that may match; else the test above would prove nothing."""
    value = json.dumps({"Records": [OTHER, RECORD, OTHER]}, separators=(",", ":")).encode()
    narrowed = narrow(value, pipeline.compile_matcher(RULE), pipeline.compile_finder(RULE))
    assert narrowed is not None
    assert (narrowed.elements, narrowed.left_out) == ((1,), 2)
