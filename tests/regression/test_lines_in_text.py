"""Text inside a message was read as one document only, although it may have several, one per line."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from cloudtrail_messages import RECORD, filebeat, sns, subscription
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

TEXT = json.dumps(RECORD)
LINES = f"{TEXT}\n\n{TEXT[:-9]}\r\n{TEXT}\n"
WRAPPED: dict[str, Any] = {
    "an SNS notification": sns(LINES),
    "Filebeat's message": filebeat(LINES),
    "a log event": {**subscription(RECORD, json.dumps), "logEvents": [{"message": LINES}]},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_text_in_a_message_may_be_documents_one_a_line(name: str) -> None:
    """R1, R4: each line is an element, and a bad one costs only itself."""
    result = sight(json.dumps(WRAPPED[name]).encode(), RULES, ExtractSettings())
    assert len(result.sightings) == 2
    assert [(rejected.reason, rejected.element) for rejected in result.rejected] == [("malformed", 1)]


def test_each_of_the_files_put_together_may_start_with_a_byte_order_mark() -> None:
    """R1: each member of a gzip is a file of its own."""
    member = gzip.compress(f"\ufeff{TEXT}\n".encode())
    result = sight(member * 3, RULES, ExtractSettings())
    assert (len(result.sightings), result.rejected) == (3, ())
