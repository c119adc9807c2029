"""Hypothesis strategies for what goes over the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fastavro
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from streams.detection.group_summary import GroupSummary, SeenOnDay
from streams.detection.memory import CapBucket, RuleState, TupleMemory
from streams.extraction.sighting import Event, Identity, Origin, Resource, Sighting, Term
from streams.wire.schemas import newest

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
# The years 1 to 9999, which every Avro library can show as a date.
DATED = st.integers(-62_135_596_800_000, 253_402_300_799_999)
JSON_OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
_PRIMITIVES = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": INT,
    "long": LONG,
    "string": st.text(),
    "bytes": st.binary(),
}


def data(schema: Any, timestamps: SearchStrategy[int] = LONG, longs: SearchStrategy[int] = LONG) -> SearchStrategy[Any]:
    """Values of an Avro schema as plain Python; each ``timestamp-millis`` from ``timestamps``, each other ``long``."""
    if isinstance(schema, list):
        return st.one_of([data(branch, timestamps, longs) for branch in schema])
    if isinstance(schema, str):
        return longs if schema == "long" else _PRIMITIVES[schema]
    if schema.get("logicalType") == "timestamp-millis":
        return timestamps
    if schema["type"] == "record":
        fields = schema["fields"]
        return st.fixed_dictionaries({field["name"]: data(field["type"], timestamps, longs) for field in fields})
    if schema["type"] == "array":
        return st.lists(data(schema["items"], timestamps, longs), max_size=3)
    return data(schema["type"], timestamps, longs)


def alerts(timestamps: SearchStrategy[int] = LONG) -> SearchStrategy[dict[str, Any]]:
    """Alerts with every field of the newest schema, with arbitrary values; ``record`` is the text of a JSON object."""
    records = JSON_OBJECTS.map(json.dumps)
    whole = data(fastavro.schema.expand_schema(newest("alert")), timestamps)
    return st.builds(lambda alert, record: alert | {"record": record}, whole, records)


def session_summaries() -> SearchStrategy[dict[str, Any]]:
    """Session summaries with every field of the newest schema, with arbitrary values."""
    return data(fastavro.schema.expand_schema(newest("session_summary")), DATED)


def sightings() -> SearchStrategy[Sighting]:
    """Sightings with arbitrary content."""
    return st.builds(
        Sighting,
        terms=st.lists(st.builds(Term), min_size=2, max_size=3).map(tuple),
        combination=INT,
        mapping_version=INT,
        principal=st.none() | st.text(),
        member_account=st.none() | st.text(),
        member_account_source=st.text(),
        identity=st.builds(Identity, **_optional(Identity)),
        event=st.builds(
            Event,
            time=LONG,
            resources=st.lists(st.builds(Resource, **_optional(Resource)), max_size=3).map(tuple),
            **_optional(Event),
        ),
        origin=st.none() | st.builds(Origin, partition=INT, offset=LONG, timestamp=LONG),
        teaching=st.booleans(),
    )


def _optional(record: type) -> dict[str, SearchStrategy[Any]]:
    """Strategies for the fields of a struct that may be ``None``, which ``builds`` would leave at their default."""
    kinds = {"str | None": st.text(), "int | None": LONG, "bool | None": st.booleans()}
    return {name: st.none() | kinds[kind] for name, kind in record.__annotations__.items() if kind in kinds}


def tuples() -> SearchStrategy[TupleMemory]:
    """Memories of a tuple with arbitrary content."""
    return st.builds(TupleMemory, LONG, LONG, LONG)


def summaries() -> SearchStrategy[GroupSummary]:
    """Summaries of a group with arbitrary content."""
    days = st.builds(SeenOnDay, LONG, LONG, st.lists(LONG, max_size=2).map(tuple))
    return st.lists(days, max_size=4).map(tuple).map(GroupSummary)


def states() -> SearchStrategy[RuleState]:
    """States of a rule with arbitrary content."""
    return st.builds(RuleState, st.text(), st.text(), LONG, st.booleans(), LONG)


def buckets() -> SearchStrategy[CapBucket]:
    """Buckets of the cap with arbitrary content."""
    return st.builds(CapBucket, LONG, st.lists(st.text()).map(tuple))


def mangled(data: bytes, draw: st.DataObject) -> bytes:
    """Bytes with some of them changed, behind the header more often than in it."""
    at = draw.draw(st.integers(0, len(data)) | st.integers(10, max(10, len(data))))
    removed = draw.draw(st.integers(0, 3))
    put = draw.draw(
        st.binary(max_size=3) | st.sampled_from([b"\x80\x00", b"\x82\x00", b"\x81\x01", b"\x01", b"\xff" * 11])
    )
    return data[:at] + put + data[at + removed :]


def in_ascii(value: Any) -> Any:
    """A struct or tuple with its texts in ASCII."""
    match value:
        case str():
            return value.encode("ascii", "replace").decode()
        case tuple():
            return tuple(map(in_ascii, value))
        case Struct():
            return replace(value, **{name: in_ascii(getattr(value, name)) for name in value.__struct_fields__})
    return value
