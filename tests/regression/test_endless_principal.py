"""A principal of a million characters stopped every worker that read it, again and again.

The principal is part of the changelog's keys, and the topic accepts no record of that size.
"""

from __future__ import annotations

import json

import pytest
from replay_records import record
from sightings import RULES, pair_key

from streams.extraction.taking import LONGEST_TERM
from streams.pipeline import ExtractSettings, sight

TOPIC_TAKES = 1024 * 1024  # Kafka's default for a record


@pytest.mark.parametrize("character", ["a", "ô", "\U0001f511", '"'])
def test_an_endless_principal_is_incomplete(character: str) -> None:
    """T5, A2: a principal too long for an ARN is a dead letter; the longest allowed one always fits a key."""
    for length, taken in ((LONGEST_TERM, 1), (LONGEST_TERM + 1, 0)):
        result = sight(
            json.dumps(record("2026-01-01T00:00:00Z", character * length)).encode(), RULES, ExtractSettings()
        )
        assert len(result.sightings) == taken
        assert [rejected.reason for rejected in result.rejected] == ["incomplete"] * (1 - taken)
    assert len(pair_key(character * LONGEST_TERM, "222222222222")) < TOPIC_TAKES / 2
