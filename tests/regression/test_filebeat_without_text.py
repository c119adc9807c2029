"""A document before ingest was called malformed if its record was already an object, or if its text was empty."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudtrail_messages import PRINCIPAL, RECORD
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

DATASET = {"dataset": "aws.cloudtrail"}


@pytest.mark.parametrize(
    "document",
    [{"event": {**DATASET, "original": RECORD}}, {"event": DATASET, "message": RECORD}],
    ids=["event.original", "message"],
)
def test_the_record_may_be_an_object(document: dict[str, Any]) -> None:
    """R1: message or event.original holds the record, whether or not the shipper has parsed it."""
    result = sight(json.dumps(document).encode(), RULES, ExtractSettings())
    assert [sighting.principal for sighting in result.sightings] == [PRINCIPAL]
    assert result.rejected == ()


def test_an_empty_text_holds_nothing() -> None:
    """R5: an empty line from Filebeat is no dead letter."""
    result = sight(json.dumps({"event": DATASET, "message": ""}).encode(), RULES, ExtractSettings())
    assert (result.sightings, result.rejected) == ((), ())
