"""A hit that was saved with only its fields was of no known shape."""

from __future__ import annotations

import json

from cloudtrail_messages import ACCOUNT, PRINCIPAL, RECORD, as_arrays, ecs, filebeat
from sightings import RULES

from streams.pipeline import ExtractSettings, sight


def test_fields_that_say_what_they_are_about_need_no_index() -> None:
    """R1: the fields of a hit are the document, whatever else of the hit is there."""
    hit = {"_score": None, "fields": as_arrays(ecs(RECORD))}
    [sighting] = sight(json.dumps(hit).encode(), RULES, ExtractSettings()).sightings
    assert (sighting.principal, sighting.member_account) == (PRINCIPAL, ACCOUNT)


def test_fields_that_an_operator_adds_to_a_filebeat_document_do_not_make_it_a_hit() -> None:
    """R1: Filebeat's ``fields`` do not make its document a hit."""
    document = filebeat(json.dumps(RECORD)) | {"fields": {"environment": "production"}}
    result = sight(json.dumps(document).encode(), RULES, ExtractSettings())
    assert (len(result.sightings), dict(result.records)) == (1, {"filebeat": 1})
