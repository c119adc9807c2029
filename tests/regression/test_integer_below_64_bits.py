"""An integer of 19 digits below -2**63 lost its last digits, which changed the event id."""

from __future__ import annotations

import hashlib
import json

import pytest
from cloudtrail_messages import MISSING, changed
from sightings import RULES

from streams.content.json_text import parse
from streams.pipeline import ExtractSettings, sight


@pytest.mark.parametrize("number", [-(2**63), -(2**63) - 1, -(10**19) + 1, 2**64 - 1, 2**64])
def test_integers_around_64_bits_keep_their_digits(number: int) -> None:
    """R3: however the parser holds integers, no digit changes."""
    assert parse(f'{{"a": [{number}]}}') == {"a": [number]}


def test_the_event_id_is_of_the_digits_as_they_came() -> None:
    """T6: the hash is of the record's digits, not of the nearest float."""
    record = changed({"eventID": MISSING, "responseElements": None}) | {"additionalEventData": -(10**19) + 1}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    [sighting] = sight(json.dumps(record).encode(), RULES, ExtractSettings()).sightings
    assert sighting.event.id == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
