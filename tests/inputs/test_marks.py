from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import MISSING, OTHER, PACKINGS, RECORD, SHAPES, awslogs, changed, sns
from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import RULE

from streams.inputs import marks
from streams.pipeline import Taking, may_match, sight

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

TAKING = Taking(max_message_size=1_000_000)
QUIET = changed({"userAgent": "plain text"}, OTHER)


def escaping(escapes: Callable[[str], bool], blank: Callable[[], str] = str) -> Callable[[Any], str]:
    """A writer of JSON that escapes what it is told to, and puts blanks between the parts."""

    def character(char: str) -> str:
        if escapes(char) and char <= "\uffff":
            return f"\\u{ord(char):04X}"
        return json.dumps(char, ensure_ascii=False)[1:-1]

    def write(value: Any) -> str:
        match value:
            case dict():
                members = (f"{write(key)}{blank()}:{write(member)}" for key, member in value.items())
                return f"{{{blank()}{','.join(members)}}}{blank()}"
            case list():
                return f"[{blank()}{','.join(map(write, value))}]{blank()}"
            case str():
                return '"' + "".join(map(character, value)) + '"'
        return json.dumps(value)

    return write


def at_random(random: Random) -> Callable[[Any], str]:
    return escaping(lambda _: random.random() < 0.05, lambda: random.choice(["", "", " ", "\t", "\r"]))


# No plain AssumeRoot and no plain awslogs is left.
NO_PLAIN_NAME = escaping(lambda char: char in "Rw")


VARIANTS = st.sampled_from(
    [
        RECORD,
        OTHER,
        changed({"userIdentity": MISSING}),
        changed({"eventTime": "yesterday"}),
        changed({"errorCode": "AccessDenied"}),
        changed({"userAgent": "\\u0041 \\\\u005cu0041 <&> \u00e9 \U0001f600 AssumeRoo\\u0074"}),
    ]
)


@settings(max_examples=150)
@given(
    record=VARIANTS,
    shape=st.sampled_from(sorted(SHAPES)),
    packing=st.sampled_from(sorted(PACKINGS)),
    writer=st.sampled_from([json.dumps, NO_PLAIN_NAME]) | st.randoms(use_true_random=False).map(at_random),
    damage=st.none() | st.integers(0, 10_000),
)
def test_it_never_drops_what_could_have_matched(
    record: dict[str, Any], shape: str, packing: str, writer: Any, damage: int | None
) -> None:
    """R3: whatever the shape, escapes, blanks, encoding and compression: a sighting or an incomplete one passes."""
    value = PACKINGS[packing](SHAPES[shape](record, writer))
    if damage is not None:
        at = damage % len(value)
        value = value[:at] + value[at + 1 :]
    reading = sight(value, RULE, TAKING)
    if reading.sightings or any(rejected.reason == "incomplete" for rejected in reading.rejected):
        assert may_match(value, RULE)


@pytest.mark.parametrize("packing", ["plain", "utf-16", "gzip"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("record", ["match", "incomplete"])
def test_it_passes_every_shape_with_escapes_at_every_depth(record: str, shape: str, packing: str) -> None:
    r"""R1: ``Assume\u0052oot`` passes, also in text in text, compressed, and in awslogs data under an escaped key."""
    fields = RECORD if record == "match" else changed({"userIdentity": MISSING})
    text = SHAPES[shape](fields, NO_PLAIN_NAME)
    assert "AssumeRoot" not in text
    assert "awslogs" not in text
    assert may_match(PACKINGS[packing](text), RULE)


DROPPED = {
    "a tombstone": None,
    "an empty value": b"",
    "another event": json.dumps(QUIET).encode(),
    "a similar name": json.dumps(changed({"eventName": "assumeroot"})).encode(),
    "escapes that writers use for HTML": json.dumps(QUIET)
    .replace("plain", r"\u0026\u003c\u003e\u003d\u0027\u0022")
    .encode(),
    "escapes of the name's letters elsewhere": json.dumps(QUIET).replace("plain", r"\u0041\u0052\u005c").encode(),
    "another event, compressed": gzip.compress(json.dumps(QUIET).encode()),
    "another event in UTF-16": json.dumps(QUIET).encode("utf-16"),
    "other events in awslogs data": json.dumps(awslogs(QUIET, json.dumps)).encode(),
    "awslogs as a value": json.dumps(changed({"userAgent": "awslogs"}, QUIET)).encode(),
    "bytes that are no JSON": b"{{{{",
    "gzip in gzip": gzip.compress(gzip.compress(json.dumps(RECORD).encode())),
}


@pytest.mark.parametrize("name", DROPPED)
def test_it_drops_what_cannot_match(name: str) -> None:
    """R3: what holds no mark, or a mark that proves to be none once read, is dropped unseen."""
    assert not may_match(DROPPED[name], RULE)


PASSED = {
    "the name anywhere": json.dumps(changed({"userAgent": "AssumeRoot"}, OTHER)).encode(),
    "cut gzip": gzip.compress(json.dumps(QUIET).encode())[:-9],
    "gzip beyond the bound": gzip.compress(b" " * 2_000_000),
    "half a character of UTF-16": json.dumps(QUIET).encode("utf-16")[:-1],
    "cut JSON with an escape of the name": json.dumps(QUIET).replace("plain", r"\u0041").encode()[:-1],
    "an unknown shape with an escape of the name": rb'{"a": "\u0041ssumeRoot"}',
    "awslogs data that is cut": json.dumps(awslogs(QUIET, json.dumps)).encode()[:-40],
    "an SNS notification of damaged awslogs data": json.dumps(sns('{"awslogs":{"data":"H4sI"}}')).encode(),
}


@pytest.mark.parametrize("name", PASSED)
def test_it_passes_what_cannot_be_told(name: str) -> None:
    """R3, R6: marked bytes that cannot be read, or have no known shape, may have held a match, so they pass."""
    assert marks.matcher(RULE.event_name, 1_000_000)(PASSED[name])


def test_awslogs_data_beside_records_is_none() -> None:
    """R1: a document with records is a log file, whatever else it has; what the filter drops there is no sighting."""
    value = json.dumps({"Records": [QUIET] * 20, **awslogs(RECORD, json.dumps)}, separators=(",", ":")).encode()
    assert not may_match(value, RULE)
    assert not sight(value, RULE, Taking()).sightings
    assert may_match(value + b"\n" + json.dumps(awslogs(RECORD, json.dumps)).encode(), RULE)


def test_awslogs_data_after_a_record_on_another_line_passes() -> None:
    """R1: only a message of one line is known by its beginning."""
    assert may_match(f"{json.dumps(QUIET)}\n{json.dumps(awslogs(RECORD, json.dumps))}".encode(), RULE)


def test_json_with_harmless_escapes_is_dropped_without_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: HTML escapes are frequent in CloudTrail; they must not cost a parse."""
    monkeypatch.setattr(marks, "read", lambda *_: pytest.fail("it was read"))
    assert not may_match(DROPPED["escapes that writers use for HTML"], RULE)
    assert not may_match(DROPPED["another event, compressed"], RULE)
