from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sightings as made
import strategies
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from streams.wire import alert as wire
from streams.wire import sighting
from streams.wire.stored import memory

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting


@given(seen=strategies.sightings(), time=strategies.DATED, record=strategies.JSON_OBJECTS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_every_alert_can_be_written(seen: Sighting, time: int, record: dict[str, object]) -> None:
    """For any content of a sighting, its alert and its memory can be encoded, so no content stops a worker (A2)."""
    seen = replace(seen, event=replace(seen.event, time=time), record=json.dumps(record), teaching=False)
    decision = made.History().take(sighting.decode(sighting.encode(seen)))
    assert decision.alert is not None
    fields = decision.alert.fields()
    assert wire.decode(wire.encode(fields)) == fields
    assert wire.to_json(fields)["record"] == record
    assert decision.memory is not None
    assert memory.decode_tuple(memory.encode_tuple(decision.memory)) == decision.memory
    assert decision.bucket is not None
    assert memory.decode_bucket(memory.encode_bucket(decision.bucket)) == decision.bucket


def test_an_alert_of_a_pair_that_returned() -> None:
    """The alert of a pair that was away for longer than the window shows both times and the gap (A5)."""
    history = made.History()
    history.take(made.sighting(made.NOON))
    decision = history.take(
        made.sighting(made.NOON + 10 * made.DAY + made.SECOND, kafka_time=made.NOON + 11 * made.DAY)
    )
    assert decision.alert is not None
    shown = wire.to_json(wire.decode(wire.encode(decision.alert.fields())))
    assert shown["novelty"]["kind"] == "returned"
    assert shown["novelty"]["previous_seen"] == "2026-01-01T12:00:00.000Z"
    assert shown["event"]["time"] == "2026-01-11T12:00:01.000Z"
    assert shown["novelty"]["gap_seconds"] == 864_001
    assert shown["origin"]["timestamp"] == "2026-01-12T12:00:00.000Z"
