"""Reading messages: leaving bytes unparsed changes nothing but the errors of malformed bytes without a mark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_records import ACCOUNT, lines, ordinary, record
from root_sessions import ACTIONS, identity
from root_sessions import record as root_record
from sightings import DAY, NOON, RULES

from streams.backtest.reading.outside import looks_whole
from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.sources import file_messages
from streams.backtest.sources.span import Span
from streams.pipeline import ExtractSettings

if TYPE_CHECKING:
    from streams.backtest.reading.read_stats import ReadStats
    from streams.extraction.sighting import Sighting
    from streams.sessions.action import Action

MATCH = record("2026-01-01T00:00:00Z")
ENTRIES = st.sampled_from(
    [
        *(record(f"2026-01-0{day}T00:00:00Z", account=f"{day:012d}") for day in (1, 2)),
        record("never"),
        record("2026-01-05T00:00:00Z", errorCode="AccessDenied"),
        record("2026-01-06T00:00:00Z", userAgent='\\u0041ssume Root "}{][ \n é 😀'),
        ordinary(1),
        {**ordinary(2), "userAgent": "says AssumeRoot"},
    ]
)
# Root's actions, calls of root that are none, and what is unreadable although it has root's mark.
OF_ROOT = st.sampled_from(
    [
        *ACTIONS.values(),
        *(root_record(eventID=name, eventName=name) for name in ("ListBuckets", "AssumeRoot")),
        root_record(eventID="permanent", userIdentity=identity(accessKeyId="AKIAEXAMPLE")),
        root_record(eventTime="never"),
        {"Root": "no record"},
        5,
    ]
)


def read_file(value: bytes, *, thorough: bool, limit: int = 1 << 26) -> tuple[ReadStats, list[Sighting]]:
    reader = Reader(ReadSettings(RULES, ExtractSettings(max_message_size=limit), thorough=thorough))
    reader.file([value[at : at + file_messages.PIECE] for at in range(0, len(value), file_messages.PIECE)], "file")
    return reader.take()[:2]


def followed(value: bytes, *, thorough: bool, as_lines: bool = False) -> tuple[ReadStats, list[Sighting], list[Action]]:
    """What is read when root's actions are followed."""
    reader = Reader(ReadSettings(RULES, ExtractSettings(follow_sessions=True), thorough=thorough))
    if as_lines:
        reader.lines(value, "file", 1)
    else:
        reader.file([value[at : at + 512] for at in range(0, len(value), 512)], "file")
    return reader.take()


def read_lines(value: bytes, *, thorough: bool) -> tuple[ReadStats, list[Sighting]]:
    reader = Reader(ReadSettings(RULES, ExtractSettings(), thorough=thorough))
    reader.lines(value, "file", 1)
    return reader.take()[:2]


@given(
    entries=st.lists(ENTRIES, max_size=8),
    layout=st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"separators": (",", ": ")}]),
    ascii_only=st.booleans(),
    end=st.sampled_from([b"", b"", b"\n"]),
)
def test_leaving_out_what_cannot_match_changes_nothing(
    entries: list[dict[str, Any]],
    layout: dict[str, Any],
    ascii_only: bool,  # noqa: FBT001  hypothesis passes it by name
    end: bytes,
) -> None:
    """A log file read entry by entry gives the same sightings, locations and counts as one that is parsed whole."""
    value = json.dumps({"Records": entries}, ensure_ascii=ascii_only, **layout).encode() + end
    stats, sightings = read_file(value, thorough=False)
    whole_stats, whole_sightings = read_file(value, thorough=True)
    assert sightings == whole_sightings
    assert (stats.rejected, stats.rejections) == (whole_stats.rejected, whole_stats.rejections)
    if stats.unmarked == 0:
        assert stats.records == whole_stats.records


def test_what_is_incomplete_outside_the_span_is_not_counted_as_that() -> None:
    """P9: files are replayed by event time; a record without a readable time may lie within any span."""
    days = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "never")
    incomplete = [record(day, requestParameters=None, resources=None) for day in days]
    reader = Reader(ReadSettings(RULES, ExtractSettings(), Span(NOON + DAY // 2, NOON + DAY)))
    reader.file([json.dumps({"Records": incomplete}).encode()], "file")
    stats, *_ = reader.take()
    assert [rejection.location.element for rejection in stats.rejections] == [1, 3]
    assert (stats.rejected["incomplete"], stats.outside_span) == (2, 2)


def test_what_a_rule_took_is_counted_within_the_span_alone() -> None:
    """U13, P9: the counts per rule are of the records of the span; a record without a readable time counts."""
    days = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "never")
    records = [record(day, requestParameters=None, resources=None) for day in days] + [record(day) for day in days]
    reader = Reader(ReadSettings(RULES, ExtractSettings(), Span(NOON + DAY // 2, NOON + DAY)))
    reader.file([json.dumps({"Records": records}).encode()], "file")
    stats, *_ = reader.take()
    (taking,) = stats.rules.values()
    assert (taking.taken, taking.sightings, taking.no_time, sum(taking.missing_terms.values())) == (4, 1, 2, 2)


@pytest.mark.parametrize(
    "value",
    [
        {"Records": [MATCH, 5, ordinary(1)]},
        {"Records": [MATCH, [MATCH]]},
        {"Records": [MATCH], "other": [MATCH]},
        {"Records": MATCH},
        [MATCH, ordinary(1)],
        MATCH,
        {"detail-type": "AWS API Call via CloudTrail", "detail": MATCH},
    ],
)
def test_other_shapes_are_read_whole(value: Any) -> None:
    """A file that may not be a log file of objects is parsed unchanged, bad entries included (R4)."""
    text = json.dumps(value).encode()
    assert read_file(text, thorough=False) == read_file(text, thorough=True)


@pytest.mark.parametrize("before", [0, 5, 10, 40, 60, 64, 70])
def test_a_mark_across_two_pieces_is_seen(before: int) -> None:
    """A mark that begins in one piece of a file and ends in the next is found."""
    text = json.dumps({"Records": [{**ordinary(1), "pad": ""}, MATCH]})
    name_at = text.index('"AssumeRoot"')
    padding = file_messages.PIECE - name_at - before
    padded = text.replace('"pad": ""', f'"pad": "{"x" * padding}"').encode()
    assert padded.index(b'"AssumeRoot"') == file_messages.PIECE - before
    _, sightings = read_file(padded, thorough=False)
    assert [seen.member_account for seen in sightings] == [ACCOUNT]


@pytest.mark.parametrize("thorough", [True, False])
def test_too_large_file_is_malformed(thorough: bool) -> None:  # noqa: FBT001
    """R3: a message above the maximum size is too large, with or without a mark, and not read."""
    for value in (b"x" * 200_000, json.dumps({"Records": [MATCH], "pad": "x" * 200_000}).encode()):
        stats, sightings = read_file(value, thorough=thorough, limit=100_000)
        assert (stats.rejected, sightings) == ({"too-large": 1}, [])


@pytest.mark.parametrize(
    ("value", "is_whole"),
    [
        (b"", True),
        (b" \r\n", True),
        (b'{"a": 1}', True),
        (b'\xef\xbb\xbf [{"a": 1}] \n', True),
        (b'{"a": 1', False),
        (b"text", False),
        (b'{"a": 1]', False),
        (b'"text"', False),
        (b"null", False),
        ('\ufeff{"Records": []}'.encode("utf-16"), False),
        ('\ufeff\ufeff{"Records": []}'.encode(), False),
    ],
)
def test_what_does_not_look_whole_is_parsed(value: bytes, is_whole: bool) -> None:  # noqa: FBT001
    """R3, R6: without a mark, bytes that look whole are not parsed; other bytes are, to name the error."""
    assert looks_whole(value) is is_whole
    stats, _ = read_file(value, thorough=False)
    thorough, _ = read_file(value, thorough=True)
    assert stats.unmarked == is_whole
    if not is_whole:
        assert (stats.rejections, stats.records) == (thorough.rejections, thorough.records)


def test_lines_without_a_mark_are_counted_and_judged_from_outside() -> None:
    """Lines of a large file without a mark are messages; blank lines are not; clearly broken lines are named."""
    block = lines(ordinary(1), "", "  ", "broken", ordinary(2)).encode()
    stats, _ = read_lines(block, thorough=False)
    assert (stats.messages, stats.unmarked, stats.records) == (3, 2, 0)
    assert [str(rejection.location) for rejection in stats.rejections] == ["file:4"]
    stats, _ = read_lines(block, thorough=True)
    assert (stats.messages, stats.unmarked, stats.records) == (3, 0, 2)


@given(st.lists(ENTRIES, max_size=6))
def test_lines_give_the_same_sightings_unparsed_or_not(entries: list[dict[str, Any]]) -> None:
    """Lines that cannot match are not parsed; the sightings are the same."""
    block = lines(*entries).encode()
    stats, sightings = read_lines(block, thorough=False)
    whole_stats, whole_sightings = read_lines(block, thorough=True)
    assert (sightings, stats.rejections) == (whole_sightings, whole_stats.rejections)


@given(
    entries=st.lists(ENTRIES | OF_ROOT, max_size=8),
    layout=st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}]),
    broken=st.sampled_from([b"", b"", b"]", b"\n{"]),
)
def test_following_changes_nothing_in_a_file(entries: list[Any], layout: dict[str, Any], broken: bytes) -> None:
    """S14: counts, rejections and sightings are those without following; actions are those of parsing everything."""
    value = json.dumps({"Records": entries}, **layout).encode() + broken
    for thorough in (True, False):
        stats, sightings, actions = followed(value, thorough=thorough)
        assert (stats, sightings) == read_file(value, thorough=thorough)
        assert actions == followed(value, thorough=True)[2]


@given(st.lists(ENTRIES | OF_ROOT | st.just('{"type":"Root"') | st.just(""), max_size=8))
def test_following_changes_nothing_in_lines(entries: list[Any]) -> None:
    """S14: the same holds for each line, also for broken ones."""
    block = lines(*entries).encode()
    for thorough in (True, False):
        stats, sightings, actions = followed(block, thorough=thorough, as_lines=True)
        assert (stats, sightings) == read_lines(block, thorough=thorough)
        assert actions == followed(block, thorough=True, as_lines=True)[2]


def test_what_is_of_root_alone_stays_unmarked() -> None:
    """S14: a file that is parsed only for its actions counts as unmarked, and what is wrong in it is not rejected."""
    value = json.dumps({"Records": [*ACTIONS.values(), 5, ordinary(1)]}).encode()
    stats, _, actions = followed(value, thorough=False)
    assert (stats.messages, stats.unmarked, stats.records, stats.rejections) == (1, 1, 0, [])
    assert len(actions) == len(ACTIONS)


@pytest.mark.parametrize("before", [0, 1, 3, 5, 6])
def test_a_mark_of_root_across_two_pieces_is_seen(before: int) -> None:
    """S1: ``"Root"`` that begins in one piece of a file and ends in the next is found."""
    text = json.dumps({"Records": [{**ordinary(1), "pad": ""}, root_record()]})
    padding = -(text.index('"Root"') + before) % 512
    padded = text.replace('"pad": ""', f'"pad": "{"x" * padding}"').encode()
    assert (padded.index(b'"Root"') + before) % 512 == 0
    assert len(followed(padded, thorough=False)[2]) == 1
