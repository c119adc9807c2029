"""Sightings on the topic between ``[sight]`` and ``[detect]``: always Avro single-object encoding.

A record's key is a JSON array of the rule's id and the first term, as text: ``["rule","arn:aws:iam::…"]``. So all
sightings that share a cap and a count of others meet in one partition (U5).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting, Term
from streams.wire.single_object import SingleObjectCodec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CODEC = SingleObjectCodec.of("sighting")


def encode(sighting: Sighting) -> bytes:
    """Return the sighting's bytes.

    Raises:
        ValueError: a value is outside its type, such as a time of more than 64 bits.
    """
    datum = _fields(sighting)
    datum["terms"] = [_fields(term) for term in sighting.terms]
    datum["identity"] = _fields(sighting.identity)
    event = datum["event"] = _fields(sighting.event)
    event["resources"] = [_fields(resource) for resource in sighting.event.resources]
    datum["origin"] = _fields(sighting.origin) if sighting.origin else None
    return _CODEC.encode(datum)


def key_of(sighting: Sighting) -> bytes:
    """Return the key of the sighting's record on the topic."""
    return key_of_group(sighting.rule_id, sighting.terms[0].value)


def key_of_group(rule_id: str, value: str) -> bytes:
    """Return the key of all sightings of a rule with this first value."""
    return json.dumps([rule_id, value], separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> Sighting:
    """Return the sighting from its bytes.

    Raises:
        WireError: the bytes are not a sighting, or a newer version wrote them.
    """
    datum = _CODEC.decode(data)
    event = datum["event"]
    event["resources"] = tuple(Resource(**resource) for resource in event["resources"])
    datum["terms"] = tuple(Term(**term) for term in datum["terms"])
    datum["identity"] = Identity(**datum["identity"])
    datum["event"] = Event(**event)
    datum["origin"] = Origin(**datum["origin"]) if datum["origin"] else None
    return Sighting(**datum)


def _fields(value: DataclassInstance) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies every value deeply: this runs once per sighting.
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
