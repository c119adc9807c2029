"""A document after ingest, with dotted keys but without action and provider, was read as one before ingest."""

from __future__ import annotations

import json

from cloudtrail_messages import MISSING, RECORD, changed, dotted, ecs
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

HALF_WAY = changed({"event.action": MISSING, "event.provider": MISSING}, ecs(RECORD))


def test_a_document_left_half_way_is_one_whatever_the_spelling_of_its_keys() -> None:
    """T2: without action and provider the original record decides; without that the document is a dead letter."""
    for document in (HALF_WAY, dotted(HALF_WAY)):
        result = sight(json.dumps(document).encode(), RULES, ExtractSettings())
        assert (len(result.sightings), dict(result.records)) == (1, {"elastic": 1})
    bare = changed({"event.original": MISSING}, HALF_WAY)
    for document in (bare, dotted(bare)):
        result = sight(json.dumps(document).encode(), RULES, ExtractSettings())
        assert [rejected.reason for rejected in result.rejected] == ["unknown-shape"]
