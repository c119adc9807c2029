"""Sightings on the topic between ``[sight]`` and ``[detect]``: always Avro single-object encoding.

A record's key is a JSON array of the rule's id and the first term, as text: ``["rule","arn:aws:iam::…"]``. So all
sightings that share a cap and a count of others meet in one partition (U5).
"""

from __future__ import annotations

from json.encoder import encode_basestring as quoted
from typing import Any

from msgspec.structs import asdict

from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting, Term
from streams.wire.value_codec import ValueCodec


def encode(sighting: Sighting) -> bytes:
    """Return the sighting's bytes.

    Raises:
        ValueError: a value is outside its type, such as a time of more than 64 bits.
    """
    return CODEC.encode(sighting)


def key_of(sighting: Sighting) -> bytes:
    """Return the key of the sighting's record on the topic."""
    return key_of_group(sighting.rule_id, sighting.terms[0].value)


def key_of_group(rule_id: str, value: str) -> bytes:
    """Return the key of all sightings of a rule with this first value."""
    return f"[{quoted(rule_id)},{quoted(value)}]".encode()


def decode(data: bytes) -> Sighting:
    """Return the sighting from its bytes.

    Raises:
        WireError: the bytes are not a sighting, or a newer version wrote them.
    """
    return CODEC.decode(data)


def _datum(sighting: Sighting) -> dict[str, Any]:
    datum = asdict(sighting)
    datum["terms"] = [asdict(term) for term in sighting.terms]
    datum["identity"] = asdict(sighting.identity)
    event = datum["event"] = asdict(sighting.event)
    event["resources"] = [asdict(resource) for resource in sighting.event.resources]
    datum["origin"] = asdict(sighting.origin) if sighting.origin else None
    return datum


def _sighting(datum: dict[str, Any]) -> Sighting:
    event = datum["event"]
    event["resources"] = tuple(Resource(**resource) for resource in event["resources"])
    datum["terms"] = tuple(Term(**term) for term in datum["terms"])
    datum["identity"] = Identity(**datum["identity"])
    datum["event"] = Event(**event)
    datum["origin"] = Origin(**datum["origin"]) if datum["origin"] else None
    return Sighting(**datum)


CODEC = ValueCodec(
    "sighting",
    {each.__name__: each for each in (Sighting, Term, Identity, Event, Resource, Origin)},
    _datum,
    _sighting,
)
