from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import sightings as made
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.detection.alerting.alert import Alert, compose
from streams.detection.group_summary import Others
from streams.detection.novelty import Novelty
from streams.extraction.sighting import Term
from streams.wire import alert as codec
from streams.wire import encoded_sighting, sighting, spliced_alert
from streams.wire.encoded_sighting import EncodedSighting

if TYPE_CHECKING:
    from streams.extraction.sighting import Sighting

SIGHTINGS = strategies.sightings() | strategies.sightings().map(strategies.in_ascii)
TIMES = st.integers(-(2**63), 2**63 - 1) | st.integers(1_700_000_000_000, 1_800_000_000_000)
NOVELTIES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["first", "returned", "unknown"]),
        "time": TIMES,
        "first_seen": TIMES,
        "previous_seen": st.none() | TIMES,
        "times_seen": st.integers(1, 2**40),
        "others": st.builds(Others, st.integers(0, 2**31 - 1), st.none()),
        "learning_ended_at": st.none() | TIMES,
    }
).map(lambda values: Novelty(**values))
GEO = {"country": "DE", "city": None, "location": "52.5,13.4", "asn": 64_496, "organization": "Ä" * 70}
pytestmark = pytest.mark.usefixtures("newest_is_written")


@given(seen=SIGHTINGS, novelty=NOVELTIES, detected_at=st.none() | TIMES, geo=st.sampled_from([None, GEO]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_an_alert_has_the_bytes_of_its_fields(
    seen: Sighting, novelty: Novelty, detected_at: int | None, geo: dict[str, Any] | None
) -> None:
    """An alert that is made of its sighting's bytes is, to the byte, what is written of its fields."""
    seen = replace(seen, member_account=seen.member_account if seen.member_account_source else None)
    encoded = encoded_sighting.read(sighting.encode(seen))
    alert = compose("an id", encoded, novelty, made.RULE)
    assert alert.reason == compose("an id", seen, novelty, made.RULE).reason
    assert spliced_alert.encode(alert, detected_at, geo) == codec.encode(alert.fields(detected_at, geo))


def _alert(seen: Sighting) -> Alert:
    encoded = encoded_sighting.read(sighting.encode(seen))
    assert isinstance(encoded, EncodedSighting)
    novelty = Novelty("first", made.NOON, made.NOON, None, 1, Others(0, None), None)
    return compose("an id", encoded, novelty, made.RULE)


def test_usual_alerts_are_spliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """No field of a usual alert is decoded: else the stage would be much slower, and no other test would tell."""
    seen = made.sighting(kafka_time=made.NOON)
    expected = codec.encode(_alert(seen).fields(made.NOON, GEO))
    monkeypatch.setattr(codec, "encode", lambda _fields: b"")
    assert spliced_alert.encode(_alert(seen), made.NOON, GEO) == expected


def test_a_member_account_of_unknown_source_is_refused() -> None:
    """An alert needs the source of its member account. A sighting without it cannot be written, spliced or not."""
    with pytest.raises(ValueError, match="source"):
        spliced_alert.encode(_alert(replace(made.sighting(), member_account_source=None)), made.NOON, None)


def test_an_older_schema_is_written_by_way_of_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that writes an older schema of alerts splices nothing: the places of the fields may differ."""
    monkeypatch.setattr(type(codec.CODEC), "writes_newest", False)
    monkeypatch.setattr(codec, "encode", lambda _fields: b"by the fields")
    assert spliced_alert.encode(_alert(made.sighting()), made.NOON, None) == b"by the fields"


def test_odd_data_of_an_address_is_refused_by_its_field() -> None:
    """A database of addresses may hold anything; what does not fit the schema is named, spliced or not."""
    geo = {"country": 5, "city": None, "location": None, "asn": 1, "organization": None}
    with pytest.raises(ValueError, match="geo"):
        spliced_alert.encode(_alert(made.sighting()), None, geo)


@pytest.mark.parametrize("terms", [("user.name", "source.ip"), ("rootwatch.principal",)])
def test_no_rules_alert_decodes_its_sighting(monkeypatch: pytest.MonkeyPatch, terms: tuple[str, ...]) -> None:
    """The reason of a rule on other terms names the account of the identity, which is read by itself."""
    seen = replace(made.sighting(), terms=tuple([Term(field, "x") for field in terms]))
    rule = dataclasses.replace(made.RULE, terms=terms)
    novelty = Novelty("first", made.NOON, made.NOON, None, 1, Others(0, None), None)
    expected = compose("an id", seen, novelty, rule)
    encoded = encoded_sighting.read(sighting.encode(seen))
    monkeypatch.setattr(EncodedSighting, "decoded", None)
    assert compose("an id", encoded, novelty, rule).reason == expected.reason
    assert f"in account {seen.identity.account_id}" in expected.reason
    assert spliced_alert.encode(compose("an id", encoded, novelty, rule), None, None)
