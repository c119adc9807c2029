r"""The fetch filter for a set of literals: none is lost in any packing, and a set costs no exactness (U10)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from cloudtrail_messages import OTHER, PACKINGS, SHAPES, changed
from forwarder_messages import OF_BYTES, OF_TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from json_writers import AS_DOTNET, at_random, escaping

from streams.backtest.reading.record_prefilter import narrow
from streams.inputs import prefilter
from streams.worker.consumer.fetch.fetch_filter import filter_batches

LIMIT = 1_000_000
QUIET = changed({"resources": [], "userAgent": "plain text"}, OTHER)
MANY = frozenset(f"Zq{number}Event" for number in range(1000))
# Runs that overlap with each other, with the keys of base64 and with Root are frequent.
_RUNS = st.sampled_from(
    ["ad", "payload", "load", "a64", "4", "s3.amazonaws.com", "Root", "ot", "tX", "AssumeRoot", "Rootkit", "x-y", "a_b"]
) | st.from_regex(r"[A-Za-z0-9._-]{0,6}[A-Za-z][A-Za-z0-9._-]{0,6}", fullmatch=True)


def outcome(value: bytes, literals: frozenset[str] | None, *, follow_sessions: bool = False) -> bool:
    """Whether the filter passes a message; where its halves must agree, they do."""
    around = b"\x80\x1f{" + value + b"}:"
    passed = prefilter.compile_matcher(literals, LIMIT, follow_sessions=follow_sessions)(value)
    found = prefilter.compile_finder(literals, follow_sessions=follow_sessions)(around, 0, len(around))
    assert any(3 <= place < 3 + len(value) for place in found) >= passed
    return passed


@settings(max_examples=400)
@given(
    literals=st.frozensets(_RUNS, min_size=1, max_size=80),
    before=st.text('aAdlosRt4w "\\', max_size=4),
    after=st.text('aAdlosRt4w "\\', max_size=4),
    shape=st.sampled_from(sorted(SHAPES)),
    packing=st.sampled_from(sorted(PACKINGS)),
    envelope=st.none() | st.sampled_from([*OF_TEXT, *OF_BYTES]),
    writer=st.sampled_from([json.dumps, AS_DOTNET]) | st.randoms(use_true_random=False).map(at_random),
    follow_sessions=st.booleans(),
    data=st.data(),
)
def test_no_literal_of_any_set_is_lost(  # noqa: PLR0913, PLR0917  what a message is made of
    literals: frozenset[str],
    before: str,
    after: str,
    shape: str,
    packing: str,
    envelope: str | None,
    writer: Any,
    follow_sessions: bool,  # noqa: FBT001  drawn, never written
    data: st.DataObject,
) -> None:
    """U10: a record with a literal in a text passes, beside any text, in any shape, escapes and packing."""
    literal = data.draw(st.sampled_from(sorted(literals)))
    text = SHAPES[shape](changed({"eventName": f"{before}{literal}{after}"}, QUIET), writer)
    if envelope in OF_TEXT:
        text = writer(OF_TEXT[envelope][1](text))
    elif envelope is not None:
        text = writer(OF_BYTES[envelope][1](text.encode()))
    assert outcome(PACKINGS[packing](text), literals, follow_sessions=follow_sessions)


HIDDEN = {
    "in a failed key": ({"load", "Quite"}, "payload"),
    "behind a failed key": ({"s3.amazonaws.com"}, "awslogs3.amazonaws.com"),
    "in a Root that is no mark": ({"ot", "Quite"}, "xRootx"),
    "over the end of a Root": ({"tX-y", "Quite"}, "RootX-y"),
    "behind its own prefix": ({"Invoke", "InvokeModel"}, "InvokeModel"),
    "as the longer of two": ({"InvokeModel", "Qu"}, "InvokeModelWithStream"),
    "over another": ({"abcd", "cdef"}, "abcdef"),
    "of two letters": ({"Zq"}, "xZqx"),
    "beside a thousand": ({"Rare", *MANY}, "Rare"),
    "with an escaped sign": ({"a.b-c"}, "a.b-c"),
}


@pytest.mark.parametrize("escaped", ["", ".", "-", "Z", "t", "\\"])
@pytest.mark.parametrize("name", HIDDEN)
def test_a_literal_is_found_beside_what_could_hide_it(name: str, escaped: str) -> None:
    """U10: literals overlap with each other, with parts of keys and with Root; each counts, also with escapes."""
    literals, text = HIDDEN[name]
    write = escaping(lambda char: char in escaped)
    record = changed({"userAgent": text}, QUIET)
    for value in (write(record), write({"log": write(record)}), write({"message": json.dumps({"log": write(record)})})):
        for follow_sessions in (False, True):
            assert outcome(value.encode(), frozenset(literals), follow_sessions=follow_sessions)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 58, 59, 111, 638, 639, 1000])
def test_each_of_any_number_of_literals_is_found_and_nothing_else(count: int) -> None:
    """U10: the search differs by the number of literals; its result does not."""
    literals = frozenset(sorted(MANY)[:count])
    for literal in sorted(literals)[:: max(1, count // 10)]:
        assert outcome(json.dumps(changed({"eventName": literal}, QUIET)).encode(), literals)
    quiet = json.dumps(QUIET).encode()
    assert not outcome(quiet, literals)
    assert not prefilter.compile_finder(literals)(quiet, 0, len(quiet))


def test_a_literal_over_the_end_of_a_part_is_found() -> None:
    """U10: a buffer is searched in parts of a MiB."""
    for literals in (frozenset({"Zq7Event"}), frozenset(sorted(MANY)[:60]), MANY):
        literal = max(literals, key=len)
        for before in range(1024 * 1024 - len(literal) - 1, 1024 * 1024 + 2):
            piece = b" " * before + literal.encode()
            assert list(prefilter.compile_finder(literals)(piece, 0, len(piece))) == [before]
            assert prefilter.compile_matcher(literals, 1 << 23)(piece)


def test_an_escape_that_hides_no_literal_has_the_message_dropped() -> None:
    """U10: an escape has the message read; if no text of a record holds a literal then, it is dropped."""
    write = escaping(lambda char: char in "p.")
    assert not outcome(write(QUIET).encode(), frozenset({"CreateUser", "iam.example"}))


def test_an_escape_in_a_text_in_a_text_passes() -> None:
    """U10: text in a text is not read by the filter, but by queries: what an escape there hides may be a literal."""
    inner = escaping(lambda char: char == "C")({"user": "CreateUser"})
    assert outcome(json.dumps(changed({"requestParameters": inner}, QUIET)).encode(), frozenset({"CreateUser", "Zq"}))


@pytest.mark.parametrize("literals", [None, frozenset({"Z", "CreateUser"}), frozenset({"a/b"}), frozenset({"12"})])
def test_without_literals_that_can_be_searched_for_everything_passes(literals: frozenset[str] | None) -> None:
    """U10: no set, one letter, or what JSON may write in several ways: every message passes, without a search."""
    value = json.dumps({"Records": [QUIET, QUIET]}, separators=(",", ":")).encode()
    matcher, finder = prefilter.compile_matcher(literals, LIMIT), prefilter.compile_finder(literals)
    assert matcher(value)
    assert not matcher(None)
    assert not matcher(b"")
    assert finder is prefilter.everywhere
    assert narrow(value, matcher, finder) is None


@pytest.mark.parametrize("skip", [set(), {1}, {0, 3}])
@pytest.mark.parametrize("codec", [0, 1, 4])
def test_a_batch_keeps_every_record_if_everything_passes(codec: int, skip: set[int]) -> None:
    """U10: the batch keeps offsets, values and headers, but for the headers of skipped records."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for offset in range(4):
        builder.append(offset, offset, b"k", b"value %d" % offset, [("h", b"1")])
    fetched = bytes(builder.build())
    filtered = filter_batches(fetched, prefilter.everywhere, skip)
    batch = MemoryRecords(filtered.kept).next_batch()
    assert batch is not None
    assert batch.validate_crc()
    assert [(record.offset, record.value, bool(record.headers)) for record in batch] == [
        (offset, b"value %d" % offset, offset not in skip) for offset in range(4)
    ]
    assert (filtered.records, filtered.skipped) == (4, 0)
