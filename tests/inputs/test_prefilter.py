"""The fetch filter's test of a message and its search in many: nothing that matches is dropped, little else is read.

``test_prefilter_root.py`` has what it does for root sessions.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import root_sessions
from cloudtrail_messages import MISSING, OTHER, PACKINGS, RECORD, SHAPES, awslogs, changed, sns
from compressed import COMPRESSIONS
from forwarder_messages import OF_BYTES, OF_TEXT, b64
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from json_writers import AS_DOTNET, NO_PLAIN_NAME, at_random
from sightings import RULE, RULES

from streams.content import compression
from streams.inputs import prefilter
from streams.inputs.envelopes.carried import BASE64_KEYS
from streams.pipeline import ExtractSettings, compile_finder, may_match, sight

if TYPE_CHECKING:
    from collections.abc import Callable

LITERALS = frozenset({RULE.event_name})
EXTRACT_SETTINGS = ExtractSettings(max_message_size=1_000_000)
FOLLOWING = replace(EXTRACT_SETTINGS, follow_sessions=True)
QUIET = changed({"userAgent": "plain text"}, OTHER)


VARIANTS = st.sampled_from(
    [
        RECORD,
        OTHER,
        changed({"userIdentity": MISSING}),
        changed({"eventTime": "yesterday"}),
        changed({"errorCode": "AccessDenied"}),
        changed({"userAgent": "\\u0041 \\\\u005cu0041 <&> \u00e9 \U0001f600 AssumeRoo\\u0074"}),
        *root_sessions.ACTIONS.values(),
    ]
)


OF_FIELDS = {"elastic", "elastic-dotted", "elastic-arrays", "hit-of-elastic", "hit-with-fields"}

# The packings of a message before an envelope's base64 hides it.
_PACKINGS: dict[str, Callable[[str], bytes]] = {
    **PACKINGS,
    **{name: (lambda text, compress=compress: compress(text.encode())) for name, compress in COMPRESSIONS.items()},
    "schema id": lambda text: b"\0\0\1\x86:" + text.encode(),
    "separators": lambda text: b"\x1e" + text.encode() + b"\n\x1e{}",
}
_ENVELOPES: dict[str, Callable[[bytes, Callable[[Any], str]], str]] = {
    **{name: (lambda inner, write, wrap=wrap: write(wrap(inner))) for name, (_, wrap) in OF_BYTES.items()},
    **{
        name: (lambda inner, write, wrap=wrap: write(wrap(inner.decode("latin-1"))))
        for name, (_, wrap) in OF_TEXT.items()
    },
}


@settings(max_examples=300)
@given(
    record=VARIANTS,
    shape=st.sampled_from(sorted(SHAPES)),
    packings=st.lists(st.sampled_from(sorted(_PACKINGS)), min_size=4, max_size=4),
    envelopes=st.lists(st.sampled_from(sorted(_ENVELOPES)), max_size=3),
    writer=st.sampled_from([json.dumps, NO_PLAIN_NAME, AS_DOTNET]) | st.randoms(use_true_random=False).map(at_random),
    damage=st.none() | st.integers(0, 10_000),
    extract_settings=st.sampled_from([EXTRACT_SETTINGS, FOLLOWING]),
)
def test_it_never_drops_what_could_have_matched(  # noqa: PLR0913, PLR0917  what a message is made of
    record: dict[str, Any],
    shape: str,
    packings: list[str],
    envelopes: list[str],
    writer: Any,
    damage: int | None,
    extract_settings: ExtractSettings,
) -> None:
    """R3, R8: sightings, incomplete ones and actions pass, in any shapes, escapes, encodings and compressions."""
    # An ingest pipeline reads no identity that is text.
    assume(not isinstance(record.get("userIdentity"), str) or shape not in OF_FIELDS)
    value = _PACKINGS[packings[0]](SHAPES[shape](record, writer))
    for envelope, packing in zip(envelopes, packings[1:], strict=False):
        value = _PACKINGS[packing](_ENVELOPES[envelope](value, writer))
    if damage is not None:
        at = damage % len(value)
        value = value[:at] + value[at + 1 :]
    result = sight(value, RULES, extract_settings)
    if result.sightings or result.actions or any(rejected.reason == "incomplete" for rejected in result.rejected):
        assert may_match(value, RULES, extract_settings)
        around = b"\x80\x1f{" + value + b"}:"
        found = compile_finder(RULES, extract_settings)(around, 0, len(around))
        assert any(3 <= place < 3 + len(value) for place in found)


@pytest.mark.parametrize("packing", ["plain", "utf-16", "gzip"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("record", ["match", "incomplete"])
def test_it_passes_every_shape_with_escapes_at_every_depth(record: str, shape: str, packing: str) -> None:
    r"""R1: ``Assume\u0052oot`` passes, also in text in text, compressed, and in awslogs data under an escaped key."""
    fields = RECORD if record == "match" else changed({"userIdentity": MISSING})
    text = SHAPES[shape](fields, NO_PLAIN_NAME)
    assert "AssumeRoot" not in text
    assert "awslogs" not in text
    assert may_match(PACKINGS[packing](text), RULES, EXTRACT_SETTINGS)


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
    """R3: a message without a mark, or with a mark that means nothing once it is read, is dropped."""
    assert not may_match(DROPPED[name], RULES, EXTRACT_SETTINGS)


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
    """R3, R6: bytes with a mark that cannot be read, or have no known shape, pass, because they may hold a match."""
    assert prefilter.compile_matcher(LITERALS, 1_000_000)(PASSED[name])


def test_awslogs_data_beside_records_is_none() -> None:
    """R1: a document with records is a log file, with any other keys; the filter drops no sighting in it."""
    value = json.dumps({"Records": [QUIET] * 20, **awslogs(RECORD, json.dumps)}, separators=(",", ":")).encode()
    assert not may_match(value, RULES, EXTRACT_SETTINGS)
    assert not sight(value, RULES, ExtractSettings()).sightings
    assert may_match(value + b"\n" + json.dumps(awslogs(RECORD, json.dumps)).encode(), RULES, EXTRACT_SETTINGS)


def test_awslogs_data_after_a_record_on_another_line_passes() -> None:
    """R1: the start of a message decides only if the message is one line."""
    assert may_match(
        f"{json.dumps(QUIET)}\n{json.dumps(awslogs(RECORD, json.dumps))}".encode(), RULES, EXTRACT_SETTINGS
    )


def test_json_with_harmless_escapes_is_dropped_without_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: HTML escapes are frequent in CloudTrail; they must not cost a parse."""
    monkeypatch.setattr(prefilter, "read", lambda *_: pytest.fail("it was read"))
    assert not may_match(DROPPED["escapes that writers use for HTML"], RULES, EXTRACT_SETTINGS)
    assert not may_match(DROPPED["another event, compressed"], RULES, EXTRACT_SETTINGS)


FALSE_MARKS = {
    "a key with another value": {"data": "short", "value": "i-0123456789abcdef0", "payload": ["x"], "Data": None},
    "base64 that no message begins with": {"data": b64(b"\x99" * 60), "payload": "Z" * 80},
    "words": {"value": "Instances", "data": "eyes", "payload": "Wyoming"},
    "base64 under another key": {"nextToken": b64(json.dumps(RECORD).encode())},
    "longer keys": {"metadata": b64(json.dumps(RECORD).encode()), "awslogs-group": "g", "topicArn": "a"},
}


@pytest.mark.parametrize("name", FALSE_MARKS)
def test_what_only_resembles_base64_of_a_message_costs_no_reading(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """R8: keys and text that are frequent in CloudTrail are told from carried messages without parsing."""
    monkeypatch.setattr(prefilter, "read", lambda *_: pytest.fail("it was read"))
    value = json.dumps(changed({"requestParameters": FALSE_MARKS[name]}, QUIET)).encode()
    assert not may_match(value, RULES, EXTRACT_SETTINGS)
    assert not prefilter.compile_finder(LITERALS)(value, 0, len(value))


@pytest.mark.parametrize("blanks", ["", " ", "\t\r\n" * 30])
def test_a_mark_over_the_end_of_a_part_is_found(blanks: str) -> None:
    """R8: a buffer is searched in parts of a MiB; a key with its base64 is found anywhere, also across parts."""
    carried = b64(json.dumps(RECORD).encode())
    mark = f'{{"requestId":"r","timestamp":1,"records"{blanks}:[{{"data"{blanks}:{blanks}"{carried}"}}]}}'.encode()
    find_marks = prefilter.compile_finder(LITERALS)
    for before in range(1024 * 1024 - 60, 1024 * 1024 + 2, 7):
        piece = b" " * before + mark
        assert find_marks(piece, 0, len(piece))
    assert may_match(b" " * (1024 * 1024 - 50) + mark, RULES, EXTRACT_SETTINGS)


def test_every_key_of_base64_is_searched_for() -> None:
    """R8: the parts of keys that are searched for cover every key under which base64 is read."""
    for key in BASE64_KEYS:
        value = json.dumps({key: b64(json.dumps(RECORD).encode()), "topic": "t"}).encode()
        assert may_match(value, RULES, EXTRACT_SETTINGS), key
        assert prefilter.compile_finder(LITERALS)(value, 0, len(value)), key


def test_a_compressed_message_is_decompressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: the test reads a compressed message with a mark from the bytes that it has decompressed to find the mark."""
    decompress, decompressed = compression.decompress, list[bytes]()

    def counting(value: bytes, limit: int) -> compression.Beginning | None:
        decompressed.append(value)
        return decompress(value, limit)

    monkeypatch.setattr(compression, "decompress", counting)
    value = gzip.compress(json.dumps(awslogs(QUIET, json.dumps)).encode())
    assert not may_match(value, RULES, EXTRACT_SETTINGS)
    assert decompressed.count(value) == 1
    assert len(decompressed) == 2  # the message, and the data in it


def test_a_compressed_message_that_passes_is_read_from_what_the_test_decompressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R3: the message keeps its bytes and carries its content, so reading it decompresses nothing again."""
    value = gzip.compress(json.dumps(RECORD).encode())
    expected = sight(value, RULES, ExtractSettings())
    selected = prefilter.compile_selector(LITERALS, 1 << 20)(value)
    assert selected == value
    monkeypatch.setattr(compression, "decompress", lambda *_: pytest.fail("it was decompressed again"))
    assert sight(bytes_of(selected), RULES, ExtractSettings()) == expected
    assert len(expected.sightings) == 1


def test_the_bound_of_a_message_holds_behind_the_test() -> None:
    """R3: what the test has decompressed counts: a message that packs more than the bound inside it is too large."""
    inner = b64(gzip.compress(json.dumps({**RECORD, "p": "x" * 600}).encode()))
    value = gzip.compress(json.dumps({"awslogs": {"data": inner}, "q": "AssumeRoot" * 60}).encode())
    limit = 1500
    small = ExtractSettings(max_message_size=limit)
    selected = prefilter.compile_selector(LITERALS, limit)(value)
    assert sight(bytes_of(selected), RULES, small) == sight(value, RULES, small)


def bytes_of(value: bytes | bytearray | None) -> bytes:
    """The message, which is one."""
    assert isinstance(value, bytes)
    return value
