"""Sightings on the topic between ``[sight]`` and ``[detect]``: always Avro single-object encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting
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
    datum["identity"] = _fields(sighting.identity)
    event = datum["event"] = _fields(sighting.event)
    event["resources"] = [_fields(resource) for resource in sighting.event.resources]
    datum["origin"] = _fields(sighting.origin) if sighting.origin else None
    return _CODEC.encode(datum)


def decode(data: bytes) -> Sighting:
    """Return the sighting from its bytes.

    Raises:
        WireError: the bytes are not a sighting, or a newer version wrote them.
    """
    datum = _CODEC.decode(data)
    event = datum["event"]
    event["resources"] = tuple(Resource(**resource) for resource in event["resources"])
    datum["identity"] = Identity(**datum["identity"])
    datum["event"] = Event(**event)
    datum["origin"] = Origin(**datum["origin"]) if datum["origin"] else None
    return Sighting(**datum)


def _fields(value: DataclassInstance) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies every value deeply: this runs once per sighting.
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
