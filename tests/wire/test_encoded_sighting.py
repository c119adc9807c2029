from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest
import sightings as made
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.extraction.sighting import AnyEvent, AnySighting, Origin, Sighting
from streams.wire import encoded_sighting, sighting
from streams.wire.encoded_sighting import EncodedSighting
from streams.wire.single_object import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

SIGHTINGS = strategies.sightings() | strategies.sightings().map(strategies.in_ascii)
SLOW = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
pytestmark = pytest.mark.usefixtures("newest_is_written")
FIELDS = [name for name, value in vars(AnySighting).items() if isinstance(value, property) and name != "event"]
EVENT_FIELDS = [f"event.{name}" for name, value in vars(AnyEvent).items() if isinstance(value, property)]


def same(encoded: AnySighting, whole: Sighting) -> bool:
    """Whether all that may be asked of a sighting is the same."""
    values = attrgetter(*FIELDS, *EVENT_FIELDS)
    times: list[Callable[[AnySighting], int]] = [lambda one: one.time_by("event"), lambda one: one.time_by("record")]
    return (
        values(encoded) == values(whole)
        and all(time(encoded) == time(whole) for time in times)
        and encoded.decoded() == whole
    )


def result(function: Callable[[bytes], Any], data: bytes) -> Any:
    """What a function returns; for an error its type: fastavro's words may name an object's address."""
    try:
        return function(data)
    except WireError as error:
        return type(error)


@given(seen=SIGHTINGS)
@SLOW
def test_a_sighting_in_its_bytes_is_the_sighting(seen: Sighting) -> None:
    """All that a decision asks of a sighting is the same, whether it is decoded or not."""
    assert same(encoded_sighting.read(sighting.encode(seen)), seen)


def test_texts_and_numbers_of_any_length_are_passed_over() -> None:
    """A sighting of ASCII texts stays in its bytes, however long they are."""
    for size in (0, 1, 63, 64, 127, 128, 8_191, 8_192, 100_000):
        seen = made.sighting(kafka_time=made.NOON)
        seen = replace(
            seen,
            principal="p" * size,
            identity=replace(seen.identity, session_name="s" * size, recorded_arn="r" * size),
            event=replace(seen.event, user_agent="u" * size, duration_seconds=size, name="n" * size),
            record="x" * size,
            origin=Origin("t" * size, size, size * 10_000, made.NOON),
        )
        encoded = encoded_sighting.read(sighting.encode(seen))
        assert isinstance(encoded, EncodedSighting), size
        assert same(encoded, seen)


@given(seen=SIGHTINGS, draw=st.data())
@SLOW
def test_bytes_that_are_no_sighting_are_refused(seen: Sighting, draw: st.DataObject) -> None:
    """Bytes are refused at once where decoding all of them refuses them, also for a text that nobody asks for."""
    data = strategies.mangled(sighting.encode(seen), draw)
    found, expected = result(encoded_sighting.read, data), result(sighting.decode, data)
    assert found is expected if isinstance(found, type) or isinstance(expected, type) else same(found, expected)


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    """A sighting whose user agent is not UTF-8 is refused, though a decision does not ask for it."""
    seen = made.sighting(kafka_time=made.NOON)
    data = sighting.encode(replace(seen, event=replace(seen.event, user_agent="agent")))
    assert isinstance(encoded_sighting.read(data), EncodedSighting)
    with pytest.raises(WireError, match="cannot be decoded"):
        encoded_sighting.read(data.replace(b"agent", b"ag\xffnt"))
