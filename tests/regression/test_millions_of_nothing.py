"""A few kB of gzip with millions of empty elements became as many dead letters, for minutes."""

from __future__ import annotations

import gzip
import json

import pytest
from cloudtrail_messages import RECORD
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

TEXT = json.dumps(RECORD)
MANY = 100_000
MORE = MANY + 5


@pytest.mark.parametrize(
    "value",
    [
        f"[{TEXT},{'{},' * MORE}{TEXT}]".encode(),
        gzip.compress(f"[{TEXT},{'0,' * MORE}{TEXT}]".encode()),
        "\n".join([TEXT, *["AssumeRoot"] * MORE, TEXT]).encode(),
    ],
    ids=["objects", "numbers, compressed", "lines"],
)
def test_a_message_that_is_mostly_unreadable_is_rejected_whole(value: bytes) -> None:
    """R3, R4: what was read counts, what was rejected stays rejected, and the rest is one dead letter: the message."""
    result = sight(value, RULES, ExtractSettings())
    assert len(result.sightings) == 1
    assert [rejected.element for rejected in result.rejected[:-1]] == list(range(1, MORE))[:MANY]
    last = result.rejected[-1]
    assert (last.reason, last.error, last.element) == ("malformed", "more than 100000 elements are unreadable", None)
    assert last.content.count(b'"AssumeRoot"') == 2
    assert b"notarealtoken" not in last.content


def test_as_many_as_are_allowed_cost_only_themselves() -> None:
    """R4: up to the limit, the good element after the bad ones counts."""
    result = sight(f"[{'0,' * MANY}{TEXT}]".encode(), RULES, ExtractSettings())
    assert (len(result.sightings), len(result.rejected)) == (1, MANY)
