from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.wire import sighting
from streams.wire.generated.decoder import decoder
from streams.wire.generated.encoder import encoder
from streams.wire.generated.numbers import number_at, number_bytes
from streams.wire.generated.odd import OddError
from streams.wire.schemas import newest, without_logical_types
from streams.wire.sessions import item, state
from streams.wire.single_object import SingleObjectCodec, WireError
from streams.wire.stored import memory
from streams.wire.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.wire.value_codec import ValueCodec

SUBJECTS = tuple(VERSIONS)
VALUES: dict[str, ValueCodec[Any]] = {
    "sighting": sighting.CODEC,
    "tuple": memory.TUPLE_CODEC,
    "bucket": memory.BUCKET_CODEC,
    "rule": memory.RULE_CODEC,
    "group": memory.GROUP_CODEC,
    "session_item": item.CODEC,
    "session_state": state.CODEC,
}
USUAL = st.integers(-200, 200) | st.integers(-(2**42), 2**42) | st.integers(-(2**62), 2**62 - 1)
LONG_TEXTS = st.text() | st.integers(0, 9_000).map(lambda size: "x" * size)
ODD = st.sampled_from([None, True, 5, 2**31, 2**63, 1.5, "text", b"bytes", "\ud800", [], ["a"], ("a",), {}, {"a": 1}])
SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@cache
def codec_of(subject: str) -> SingleObjectCodec:
    return SingleObjectCodec.of(subject)


def schema_of(subject: str) -> Any:
    return fastavro.schema.expand_schema(without_logical_types(newest(subject)))


@cache
def data_of(subject: str) -> st.SearchStrategy[dict[str, Any]]:
    schema = schema_of(subject)
    return strategies.data(schema, longs=USUAL) | strategies.data(schema)


def result(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a function returns; for an error its type."""
    try:
        return function(argument)
    except Exception as error:  # noqa: BLE001  compared
        return type(error)


def changed(datum: Any, draw: st.DataObject) -> Any:
    """A datum with one value changed to something odd, or a field more or less."""
    if isinstance(datum, dict) and datum:
        name = draw.draw(st.sampled_from(sorted(datum)))
        match draw.draw(st.sampled_from(["inside", "inside", "inside", "missing", "unknown"])):
            case "missing":
                return {key: value for key, value in datum.items() if key != name}
            case "unknown":
                return {**datum, "unknown": 1}
        return {**datum, name: changed(datum[name], draw)}
    if isinstance(datum, list) and datum and draw.draw(st.booleans()):
        return [changed(datum[0], draw), *datum[1:]]
    return draw.draw(ODD)


@pytest.mark.parametrize("subject", SUBJECTS)
@given(draw=st.data())
@SLOW
def test_records_are_encoded_as_by_fastavro(subject: str, draw: st.DataObject) -> None:
    """A record has the bytes that fastavro writes; one that it refuses is refused with the same error."""
    codec, datum = codec_of(subject), draw.draw(data_of(subject))
    assert codec.encode(datum) == codec.encode_carefully(datum)
    other = changed(datum, draw)
    assert result(codec.encode, other) == result(codec.encode_carefully, other)


@pytest.mark.parametrize("subject", SUBJECTS)
@given(draw=st.data())
@SLOW
def test_bytes_are_decoded_as_by_fastavro(subject: str, draw: st.DataObject) -> None:
    """Bytes are the record that fastavro reads; bytes that it refuses are refused with the same error."""
    codec = codec_of(subject)
    value = codec.encode(draw.draw(data_of(subject)))
    assert codec.decode(value) == codec.decode_carefully(value)
    other = strategies.mangled(value, draw)
    found, expected = result(codec.decode, other), result(codec.decode_carefully, other)
    assert found == expected
    assert repr(found) == repr(expected)  # a boolean is no number


@pytest.mark.parametrize("subject", VALUES)
@given(draw=st.data())
@SLOW
def test_values_are_as_by_fastavro(subject: str, draw: st.DataObject) -> None:
    """Values are encoded and decoded without dicts as they are by way of them, also bytes that are no value."""
    codec = VALUES[subject]
    data = codec_of(subject).encode(draw.draw(data_of(subject)))
    value = codec.decode(data)
    assert value == codec.decode_carefully(data)
    assert codec.encode(value) == codec.encode_carefully(value) == data
    other = strategies.mangled(data, draw)
    found, expected = result(codec.decode, other), result(codec.decode_carefully, other)
    assert found == expected
    assert repr(found) == repr(expected)
    if not isinstance(found, type):
        assert codec.encode(found) == codec.encode_carefully(found)


@pytest.mark.parametrize("subject", SUBJECTS)
@given(draw=st.data())
def test_usual_records_need_no_fastavro(subject: str, draw: st.DataObject) -> None:
    """The generated functions themselves handle any record of texts and of numbers of up to 62 bits."""
    schema, header = schema_of(subject), b"header"
    datum = draw.draw(strategies.data(schema, longs=USUAL))
    assert decoder(schema, header)(encoder(schema, header, of_dicts=True)(datum)) == datum


@given(number=USUAL | strategies.LONG, before=st.binary(max_size=3), behind=st.binary(max_size=7))
def test_numbers(number: int, before: bytes, behind: bytes) -> None:
    """A number is the same again, whatever is around it; those of 64 bits are left to fastavro."""
    try:
        written = number_bytes(number)
    except OddError:
        assert not -(2**62) <= number < 2**62
        return
    assert number_at(before + written + behind, len(before)) == (number, len(before) + len(written))


@given(draw=st.data())
@SLOW
def test_what_comes_again_is_encoded_as_it_is_then(draw: st.DataObject) -> None:
    """A rule's dict in several alerts is encoded as it is at each, also if something in it was changed since."""
    codec, alert = codec_of("alert"), draw.draw(data_of("alert"))
    for _ in range(3):
        assert codec.encode(alert) == codec.encode_carefully(alert)
        rule = draw.draw(data_of("alert"))["rule"]
        name = draw.draw(st.sampled_from(sorted(rule)))
        if isinstance(alert["rule"][name], list):
            alert["rule"][name][:] = rule[name]
        else:
            alert["rule"][name] = rule[name]


@given(text=LONG_TEXTS)
def test_long_texts(text: str) -> None:
    """A text of any length is encoded as by fastavro."""
    codec = codec_of("rule")
    datum = {"fingerprint": text, "terms_fingerprint": "", "first_sighting_at": 0, "relearning": False, "entries": 0}
    assert codec.encode(datum) == codec.encode_carefully(datum)
    assert codec.decode(codec.encode(datum)) == datum


@pytest.mark.parametrize(
    "schema", ["double", {"type": "map", "values": "string"}, ["null", "int", "string"], ["string", "null"]]
)
def test_unknown_types(schema: Any) -> None:
    """A type that is not generated is named, with where to add it, and does not give other bytes."""
    record = {"type": "record", "name": "R", "fields": [{"name": "field", "type": schema}]}
    with pytest.raises(ValueError, match="streams/wire/generated"):
        encoder(record, b"", of_dicts=True)
    with pytest.raises(ValueError, match="streams/wire/generated"):
        decoder(record, b"")


def test_fields_of_a_maker() -> None:
    """A class with other fields than its schema is an error when the decoder is made, not a wrong value."""
    record = {"type": "record", "name": "SeenOnDay", "fields": [{"name": "day", "type": "long"}]}
    with pytest.raises(ValueError, match="SeenOnDay"):
        decoder(record, b"", {"SeenOnDay": memory.SeenOnDay})


def test_bytes_of_another_type() -> None:
    """Only bytes are decoded; a copy of them that can change is left to fastavro, which reads it too."""
    value = codec_of("tuple").encode({"first_seen": 1, "last_seen": 2, "times_seen": 3})
    assert codec_of("tuple").decode(bytearray(value)) == {"first_seen": 1, "last_seen": 2, "times_seen": 3}  # type: ignore[arg-type]
    with pytest.raises(WireError):
        codec_of("tuple").decode(bytearray(value[:-1]))  # type: ignore[arg-type]
