from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from cloudtrail_messages import ACCOUNT, PRINCIPAL, RECORD, awslogs, changed
from hypothesis import example, given
from hypothesis import strategies as st
from sightings import RULES

from streams.pipeline import ExtractSettings, sight

if TYPE_CHECKING:
    from streams.pipeline import SightResult

TEXT = json.dumps(RECORD)
VALUE = TEXT.encode()
SMALL = ExtractSettings(max_message_size=100_000)


def read(value: bytes, extract_settings: ExtractSettings = SMALL) -> SightResult:
    return sight(value, RULES, extract_settings)


def with_value(text: str) -> bytes:
    """The record with this JSON text as an additional value."""
    return f'{TEXT[:-1]}, "additionalEventData": {text}}}'.encode()


ODD_BUT_READABLE = {
    "a huge integer": with_value("9" * 5000),
    "an integer of 65 bits": with_value("18446744073709551616"),
    "a float beyond all floats": with_value("-1e999"),
    "not a number": with_value("NaN"),
    "infinity": with_value("[Infinity, -Infinity]"),
    "a lone surrogate": with_value('"\\ud800 and \\udfff"'),
    "a lone surrogate as a key": with_value('{"\\udc00": 1}'),
    "nesting to a hundred": with_value('{"a":' * 100 + "1" + "}" * 100),
    "escaped control characters": with_value('"\\u0000\\b\\u001f\\u007f"'),
    "a key that comes twice, the last counts": TEXT.replace(
        '"eventName": "AssumeRoot"', '"eventName": "AssumeRole", "eventName": "AssumeRoot"'
    ).encode(),
    "every character escaped": (
        "{" + TEXT[1:].replace("AssumeRoot", "".join(f"\\u{ord(c):04X}" for c in "AssumeRoot"))
    ).encode(),
}


@pytest.mark.parametrize("name", ODD_BUT_READABLE)
def test_odd_values_do_not_cost_the_record(name: str) -> None:
    """R3: numbers that 64 bits or JSON cannot hold, lone surrogates and deep nesting are read, and match."""
    result = read(ODD_BUT_READABLE[name])
    assert result.rejected == ()
    [sighting] = result.sightings
    assert (sighting.principal, sighting.member_account) == (PRINCIPAL, ACCOUNT)
    sighting.record.encode("utf-8")
    json.loads(sighting.record, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_principal_with_a_lone_surrogate_becomes_a_key_all_the_same() -> None:
    """R3, T3: a key is UTF-8, so a lone surrogate in the principal is U+FFFD, always."""
    [sighting] = read(TEXT.replace("/casey", "/\\udcff").encode()).sightings
    assert sighting.principal == PRINCIPAL.replace("/casey", "/\ufffd")


MALFORMED = {
    "a cut document": VALUE[:-20],
    "a cut string": VALUE[: VALUE.index(b"eventTime") + 4],
    "something after the document": VALUE + b"}",
    "text": b"AssumeRoot",
    "invalid UTF-8": VALUE.replace(b"Operator/casey", b"Operator/\xff\xfe"),
    "overlong UTF-8": VALUE.replace(b"Operator/casey", b"Operator/\xc0\xaf"),
    "an encoded surrogate": VALUE.replace(b"Operator/casey", b"Operator/\xed\xa0\x80"),
    "nesting without end": b"[" * 100_000,
    "deep nesting": with_value("[" * 5000 + "]" * 5000),
    "a raw line feed in a string": VALUE.replace(b"aws-cli/", b"aws-cli\n"),
    "NUL": b"\x00" * 40,
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "half a character of UTF-16": TEXT.encode("utf-16") + b"\x00",
    "a lone surrogate in UTF-16": b"\xff\xfe" + '{"eventName": "AssumeRoot"}'.encode("utf-16-le") + b"\x00\xd8",
    "a character beyond Unicode in UTF-32": b"\xff\xfe\x00\x00" + b"\xff\xff\xff\xff",
    "cut gzip": gzip.compress(VALUE)[:-20],
    "gzip of nothing that is cut": b"\x1f\x8b",
    "gzip with a wrong checksum": gzip.compress(VALUE)[:-8] + b"\x00" * 8,
    "gzip with something behind": gzip.compress(VALUE) + b"more",
    "gzip whose only member with anything in it is cut": gzip.compress(VALUE)[:-9] + gzip.compress(VALUE)[:30],
    "gzip in gzip": gzip.compress(gzip.compress(VALUE)),
    "awslogs data that is no base64": json.dumps({"awslogs": {"data": "AssumeRoot!"}}).encode(),
    "awslogs data that is no ASCII": json.dumps({"awslogs": {"data": "ä"}}).encode(),
    "awslogs data that is no gzip": json.dumps({"awslogs": {"data": "QXNzdW1lUm9vdA=="}}).encode(),
    "awslogs data that is cut": json.dumps(
        {"awslogs": {"data": awslogs(RECORD, json.dumps)["awslogs"]["data"][:100]}}
    ).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read_is_one_dead_letter(name: str) -> None:
    """R3: unreadable bytes are rejected as malformed, whole, never a crash and never a silent loss."""
    result = read(MALFORMED[name])
    assert result.sightings == ()
    assert [(rejected.reason, rejected.element) for rejected in result.rejected] == [("malformed", None)]


TOO_LARGE = {
    "plain": b" " * 100_001 + VALUE,
    "gzip": gzip.compress(VALUE + b" " * 100_001),
    "gzip that grows a thousandfold": gzip.compress(b" " * 50_000_000),
    "gzip of many members": gzip.compress(b" " * 30_000) * 4,
    "awslogs data": json.dumps(awslogs(changed({"userAgent": "a" * 100_000}), json.dumps)).encode(),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_is_larger_than_the_bound_is_too_large(name: str) -> None:
    """R3: the bound is on decompressed bytes, and on plain bytes too."""
    result = read(TOO_LARGE[name])
    assert result.sightings == ()
    assert [(rejected.reason, rejected.element) for rejected in result.rejected] == [("too-large", None)]


def test_the_bound_itself_is_allowed() -> None:
    """R3: a message of exactly the bound is read, one byte more is not."""
    exact = ExtractSettings(max_message_size=len(VALUE))
    less = ExtractSettings(max_message_size=len(VALUE) - 1)
    for value in (VALUE, gzip.compress(VALUE)):
        assert len(read(value, exact).sightings) == 1
        assert [rejected.reason for rejected in read(value, less).rejected] == ["too-large"]


def test_all_that_is_packed_in_one_message_shares_its_bound() -> None:
    """R3: many small gzip values in one message share the bound."""
    line = json.dumps(awslogs(changed({"userAgent": "a" * 30_000}), json.dumps)).encode()
    result = read(b"\n".join([line] * 5))
    assert len(result.sightings) == 3
    assert [rejected.reason for rejected in result.rejected] == ["too-large", "too-large"]


def test_a_match_that_is_nested_too_deeply_costs_only_itself() -> None:
    """R3, R4: a matching record that is nested too deeply to be redacted is malformed; its neighbours count."""
    deep = with_value('{"a":' * 300 + "1" + "}" * 300).decode()
    result = read(f'{{"Records": [{TEXT}, {deep}, {TEXT}]}}'.encode())
    assert len(result.sightings) == 2
    [rejected] = result.rejected
    assert (rejected.reason, rejected.element, rejected.redacted) == ("malformed", 1, True)
    assert b"notarealtoken" not in rejected.content


def test_errors_do_not_quote_the_content() -> None:
    """R3, T7: the text of an error goes to logs and headers, so it holds no values."""
    for value in (*MALFORMED.values(), *TOO_LARGE.values()):
        for rejected in read(value).rejected:
            assert "AssumeRoot" not in rejected.error
            assert "casey" not in rejected.error


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
@example(b"\x1f\x8b")
@example(b"[")
def test_no_bytes_can_crash_it(value: bytes) -> None:
    """R3: any bytes are read, passed over or rejected."""
    result = read(value)
    assert result.rejected or result.records or result.passed_over or value.strip() == b"[]"


@given(st.data())
def test_no_damage_to_a_message_can_crash_it(data: st.DataObject) -> None:
    """R3: a record whose bytes are replaced, cut or repeated is a sighting, a dead letter or another record."""
    value = bytearray(data.draw(st.sampled_from([VALUE, gzip.compress(VALUE, mtime=0), TEXT.encode("utf-16")])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        end = data.draw(st.integers(start, min(len(value), start + 20)))
        value[start:end] = data.draw(st.binary(max_size=5))
    result = read(bytes(value))
    assert result.sightings or result.rejected or result.passed_over


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    [
        "userIdentity",
        "userIdentity.arn",
        "userIdentity.type",
        "userIdentity.sessionContext",
        "userIdentity.sessionContext.sessionIssuer",
        "userIdentity.sessionContext.attributes.mfaAuthenticated",
        "eventTime",
        "eventSource",
        "eventID",
        "requestParameters",
        "requestParameters.targetPrincipal",
        "requestParameters.taskPolicyArn",
        "requestParameters.durationSeconds",
        "responseElements",
        "responseElements.credentials",
        "responseElements.credentials.expiration",
        "resources",
        "sharedEventID",
        "errorCode",
        "errorMessage",
        "eventType",
        "eventCategory",
        "awsRegion",
        "userAgent",
        "recipientAccountId",
    ]
)


@given(st.lists(st.tuples(PATHS, JSON), min_size=1, max_size=1))
def test_no_value_of_the_wrong_type_can_crash_it(changes: list[tuple[str, object]]) -> None:
    """R3, T5: any JSON value as any field gives a sighting, an incomplete success, or no match."""
    result = read(json.dumps(changed(dict(changes))).encode())
    assert result.sightings or result.rejected or result.passed_over
    for sighting in result.sightings:
        assert isinstance(sighting.principal, str)
        assert len(sighting.member_account) == 12
