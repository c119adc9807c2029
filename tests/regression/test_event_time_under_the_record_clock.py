"""With ``clock = "record"`` an alert's event time was the Kafka timestamp, so the time of the call was lost.

The sighting on its topic had the wrong time too, and was judged by it after a change back to ``clock = "event"``.
"""

from __future__ import annotations

import json

from replay_records import record
from sightings import RULES, History, with_settings

from streams.extraction.sighting import Origin
from streams.pipeline import ExtractSettings, sight

KAFKA_TIME = 1_772_359_200_000  # 2026-03-01T10:00:00Z
EVENT_TIME = 1_767_225_600_000


def test_the_event_keeps_its_own_time() -> None:
    """M4, A5: ``clock = "record"`` changes the memory's times, but ``event.time`` stays the record's eventTime."""
    value = json.dumps(record("2026-01-01T00:00:00Z")).encode()
    (sighting,) = sight(value, RULES, ExtractSettings(clock="record"), Origin("cloudtrail", 0, 1, KAFKA_TIME)).sightings
    decision = History(with_settings(clock="record")).take(sighting)
    assert decision.alert is not None
    assert decision.alert.fields()["event"]["time"] == EVENT_TIME
    assert decision.alert.novelty.first_seen == decision.time == KAFKA_TIME
