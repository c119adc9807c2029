"""An ingested document with dotted keys, but without action and provider, was read from its copy of the record."""

from __future__ import annotations

import json

from cloudtrail_messages import MISSING, RECORD, changed, dotted, ecs
from sightings import RULE

from streams.pipeline import Taking, sight


def test_the_fields_decide_whatever_the_spelling_of_their_keys() -> None:
    """T2: without action and provider it is no success of the event, though the original says so."""
    document = changed({"event.action": MISSING, "event.provider": MISSING}, ecs(RECORD))
    for spelled in (document, dotted(document)):
        reading = sight(json.dumps(spelled).encode(), RULE, Taking())
        assert (reading.sightings, reading.rejected) == ((), ())
