"""Parquet files as an archive: the same as their events as JSON, damage named, folders of other days left out."""

from __future__ import annotations

import io
import json
import os
import sys
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import root_sessions
from hypothesis import given, settings
from hypothesis import strategies as st
from ocsf_events import SECOND, VERSIONS, ocsf
from replay_records import Ran, ordinary, record, run
from security_lake import parquet, path_of
from sightings import RULES

from streams.backtest.reading.reader import Reader
from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.sources import files
from streams.backtest.sources.archive import Found, is_worth_entering
from streams.backtest.sources.parquet.candidates import compile_candidates
from streams.backtest.sources.parquet.rows import messages
from streams.backtest.sources.span import Span
from streams.extraction.event_time import format_time, parse_time
from streams.pipeline import ExtractSettings, compile_matcher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Backtest(Protocol):
    """Runs the command on arguments."""

    def __call__(self, *arguments: Any) -> Ran:
        """Run it."""


@pytest.fixture
def backtest(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Backtest:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run(capsysbinary, monkeypatch, "backtest", *arguments)


def found(day: int, **fields: Any) -> dict[str, Any]:
    return record(f"2026-01-{day:02d}T00:00:00Z", account=f"{day:012d}", **fields)


def events(count: int, version: str = SECOND) -> list[dict[str, Any]]:
    """Events of other calls, with a use of root per twenty."""
    return [ocsf(ordinary(number) if number % 20 else found(number // 20 + 1), version) for number in range(count)]


def as_lines(made: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in made)


def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no input count as small, so that only candidates are read."""
    monkeypatch.setattr("streams.backtest.sources.files.SMALL_INPUT", 0)


@pytest.mark.parametrize("how", ["thorough", "candidates"])
@pytest.mark.parametrize(("version", "compression"), [*product(VERSIONS, ["zstd", "snappy", "gzip", "none"])])
def test_a_file_gives_what_its_events_as_json_give(  # noqa: PLR0913, PLR0917  parameters and fixtures
    version: str, compression: str, how: str, backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R10: the same alerts to the byte, and the same counts, in both versions and every compression."""
    if how == "candidates":
        large(monkeypatch)
    made = [
        *events(100, version),
        ocsf(found(9, errorCode="AccessDenied"), version),
        ocsf(found(8, eventTime=None), version),
    ]
    (tmp_path / "lake.gz.parquet").write_bytes(parquet(made, version, compression, row_group_size=30))
    (tmp_path / "lake.jsonl").write_bytes(as_lines(made))
    ran, expected = backtest("lake.gz.parquet"), backtest("lake.jsonl")
    assert (ran.code, len(ran.alerts)) == (0, 5)
    assert ran.out == expected.out
    told = [line for line in ran.err.replace("lake.gz.parquet", "lake.jsonl").splitlines() if "bytes" not in line]
    assert told == [line for line in expected.err.splitlines() if "bytes" not in line]
    assert "lake.jsonl:102" in expected.err  # the incomplete one, by its row


def test_the_folders_of_the_lake_are_read_by_several_processes(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions of both versions and JSON beside them are read together, in order of time, by any processes."""
    for day in range(1, 9):
        version = VERSIONS[day % 2]
        path = tmp_path / "lake" / path_of(f"202601{day:02d}", version=version)
        path.parent.mkdir(parents=True)
        path.write_bytes(parquet([ocsf(ordinary(day), version), ocsf(found(day), version)], version))
    (tmp_path / "lake" / "more.json").write_text(json.dumps(ocsf(found(9))))
    ran = backtest("lake", "--processes", 1)
    assert [int(account) for _, account, _ in ran.outlines()] == list(range(1, 10))
    large(monkeypatch)
    monkeypatch.setattr("streams.backtest.sources.files.TASK_FILES", 2)
    assert backtest("lake", "--processes", 3).out == ran.out


def test_sessions_are_followed_in_rows(backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S14: grants and actions of root in rows join as in JSON, also where only candidates are read."""
    large(monkeypatch)
    credentials = {"accessKeyId": root_sessions.KEY, "sessionToken": "secret"}
    grant = record(
        format_time(root_sessions.GRANTED_AT).replace(".000Z", "Z"), responseElements={"credentials": credentials}
    )
    calls = [root_sessions.record(eventID=f"call-{number}") for number in range(3)]
    made = [ocsf(one) for one in (ordinary(1), grant, *calls)]
    (tmp_path / "a.parquet").write_bytes(parquet(made))
    (tmp_path / "a.jsonl").write_bytes(as_lines(made))
    ran = backtest("a.parquet", "--sessions", "of-rows")
    assert ran.out == backtest("a.jsonl", "--sessions", "of-lines").out
    told = (tmp_path / "of-rows").read_bytes()
    assert told == (tmp_path / "of-lines").read_bytes()
    assert [next(iter(json.loads(line))) for line in told.splitlines()] == ["activity"] * 3 + ["summary"]


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _footer_damaged(content: bytes) -> bytes:
    length = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - length
    return content[:start] + bytes(length) + content[-8:]


DAMAGED: dict[str, bytes] = {
    "cut": _cut(parquet(events(40))),
    "without a readable footer": _footer_damaged(parquet(events(40))),
    "empty": b"",
    "the magic number alone": b"PAR1",
    "JSON": json.dumps(ocsf(found(1))).encode(),
    "noise": os.urandom(200),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_and_the_rest_is_read(name: str, backtest: Backtest, tmp_path: Path) -> None:
    """R4: a file that cannot be read costs only itself, and the exit code says so."""
    (tmp_path / "bad.parquet").write_bytes(DAMAGED[name])
    (tmp_path / "good.parquet").write_bytes(parquet([ocsf(found(3))]))
    ran = backtest("bad.parquet", "good.parquet")
    assert (ran.code, [account for _, account, _ in ran.outlines()]) == (1, ["000000000003"])
    assert "bad.parquet: damaged Parquet: " in ran.err


@pytest.mark.parametrize("how", ["thorough", "candidates"])
def test_a_damaged_row_group_costs_only_its_rows(
    how: str, backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4: the rows of the other groups are read; the damaged group is named."""
    if how == "candidates":
        large(monkeypatch)
    made = [ocsf(found(day)) for day in range(1, 31)]
    content = bytearray(parquet(made, row_group_size=10, write_page_checksum=True))
    group = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(1)
    column = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == "metadata.uid")
    content[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 0xFF
    (tmp_path / "a.parquet").write_bytes(content)
    ran = backtest("a.parquet")
    assert ran.code == 1
    assert [int(account) for _, account, _ in ran.outlines()] == [*range(1, 11), *range(21, 31)]
    assert "a.parquet: damaged Parquet, row group 2 of 3: " in ran.err
    assert "; the rows of the others were read" in ran.err


def test_a_row_that_is_no_text_costs_only_itself(backtest: Backtest, tmp_path: Path) -> None:
    """R4: bytes that are not UTF-8, or a time beyond the calendar, are a malformed row, which is named."""
    good = json.dumps(found(1))
    columns = {
        "message": pa.array([good.encode(), b"\xff\xfe", good.replace("0000001", "0000007").encode()]).cast(pa.binary())
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    times = {"message": [good, json.dumps(found(3))], "at": pa.array([2**62, 0], pa.timestamp("us"))}
    pq.write_table(pa.table({"message": times["message"], "at": times["at"]}), tmp_path / "b.parquet")
    ran = backtest("a.parquet", "b.parquet")
    assert ran.code == 0
    assert [int(account) for _, account, _ in ran.outlines()] == [1, 7, 3]
    assert "malformed: a row that is not text in UTF-8" in ran.err
    assert "a.parquet:2" in ran.err
    assert "b.parquet:1" in ran.err


@pytest.mark.parametrize("options", [{}, {"use_deprecated_int96_timestamps": True}], ids=["nanoseconds", "INT96"])
def test_times_in_nanoseconds_are_read(options: dict[str, Any], backtest: Backtest, tmp_path: Path) -> None:
    """R10: writers such as Spark have times in nanoseconds, also in structs and maps; a row is not lost for that."""
    kind = pa.timestamp("ns")
    at = parse_time("2026-01-01T12:00:00Z")
    assert at is not None
    event = ocsf(found(1, eventCategory="Management"))
    columns = {
        "time": pa.array([at * 1_000_000 + 1], kind),
        **{name: pa.array([event[name]]) for name in ("class_uid", "api", "metadata")},
        "actor": pa.array([{"user": event["actor"]["user"]}]),
        "start_time": pa.array([{"a": 1}], pa.struct({"a": kind})),
        "more": pa.array([[("a", 1)]], pa.map_(pa.string(), kind)),
        "ends": pa.array([[1]], pa.list_(kind)),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", **options)
    assert backtest("a.parquet").outlines() == [("2026-01-01T12:00:00", "000000000001", "first")]


def test_rows_of_records_and_envelopes_are_messages_too(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row may have any shape, not only OCSF's: then every row is looked at as JSON."""
    large(monkeypatch)
    pq.write_table(pa.Table.from_pylist([{**found(1)}, {**ordinary(2)}]), tmp_path / "records.parquet")
    pq.write_table(pa.table({"_raw": [json.dumps(found(2)), "{}"]}), tmp_path / "envelopes.parquet")
    ran = backtest("records.parquet", "envelopes.parquet")
    assert [int(account) for _, account, _ in ran.outlines()] == [1, 2]


def test_parquet_is_told_by_its_first_bytes_too(backtest: Backtest, tmp_path: Path) -> None:
    """A file without the name is read as what it is."""
    (tmp_path / "part-0").write_bytes(parquet([ocsf(found(1))]))
    assert backtest("part-0").outlines() == [("2026-01-01T00:00:00", "000000000001", "first")]


def test_a_pipe_is_no_parquet_file(backtest: Backtest, tmp_path: Path) -> None:
    """A pipe cannot be read from its end: that is named, and nothing hangs."""
    read_end, write_end = os.pipe()
    os.write(write_end, parquet([ocsf(found(1))]))
    os.close(write_end)
    link = tmp_path / "a.parquet"
    link.symlink_to(f"/dev/fd/{read_end}")
    ran = backtest("a.parquet")
    os.close(read_end)
    assert ran.code == 1
    assert "a.parquet: damaged Parquet: " in ran.err


def test_without_pyarrow_the_extra_is_named(
    backtest: Backtest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is named so is refused before anything is read; one that is found out later is a failure."""
    for name in [module for module in sys.modules if module.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "streams.backtest.sources.parquet.file")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("streams.backtest.sources.select_input.find_spec", lambda _name: None)
    (tmp_path / "part-0").write_bytes(b"PAR1")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    refused = backtest("a.parquet")
    assert (refused.code, "pip install 'rootwatch[parquet]'" in refused.err) == (2, True)
    failed = backtest("part-0")
    assert (failed.code, "part-0: is Parquet, which needs the extra `parquet`" in failed.err) == (1, True)


FOLDERS: dict[str, bool] = {
    "aws/CLOUD_TRAIL_MGMT/1.0/region=us-east-1/accountId=1/eventDay=20260101": False,
    "aws/CLOUD_TRAIL_MGMT/1.0/region=us-east-1/accountId=1/eventDay=20260104": True,
    "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=1/eventDay=20260105": True,
    "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=1/eventDay=20260107": True,
    "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=1/eventDay=20260201": False,
    "ext/trail/region=us-east-1/accountId=1/eventday=20260201": False,
    "aws/CLOUD_TRAIL_MGMT/1.0/region=us-east-1/accountId=1/eventHour=2026010100": False,
    "aws/CLOUD_TRAIL_MGMT/2.0/data/accountid=1/region=us-east-1/time_dt_day=2026-02-01": False,
    "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=1/eventDay=20261301": True,
    "aws/CLOUD_TRAIL_MGMT/2.0/region=us-east-1/accountId=20260101": True,
    "aws/CLOUD_TRAIL_MGMT/2.0/metadata": False,
    "lake/aws/S3_DATA/2.0/metadata": False,
    "archive/metadata": True,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_partitions_outside_the_span_are_not_entered(folder: str) -> None:
    """A day that cannot hold events of the span is left out, with a day's margin; so are Iceberg's own files."""
    span = Span(parse_time("2026-01-05T00:00:00Z"), parse_time("2026-01-07T00:00:00Z"))
    assert is_worth_entering(folder, span) == FOLDERS[folder]


TEXTS = st.sampled_from(
    ["AssumeRoot", "Assume", "x", "", "Root", '{"a":"Root"}', "{a=Root}", "\\u0041ssumeRoot", "é AssumeRoot"]
)
CELLS = st.none() | TEXTS
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "class_uid": st.none() | st.just(6003),
            "a": CELLS,
            "b": st.none() | st.fixed_dictionaries({"c": CELLS, "d": st.none() | st.lists(CELLS, max_size=3)}),
            "e": st.none() | st.lists(st.none() | st.fixed_dictionaries({"f": CELLS}), max_size=3),
            "g": st.none() | st.lists(st.tuples(TEXTS, CELLS), max_size=2),
        }
    ),
    min_size=1,
    max_size=12,
)
TEXT = pa.string()
SCHEMA = pa.schema(
    {
        "class_uid": pa.int32(),
        "a": pa.dictionary(pa.int32(), TEXT),
        "b": pa.struct({"c": pa.large_string(), "d": pa.list_(TEXT)}),
        "e": pa.large_list(pa.struct({"f": TEXT})),
        "g": pa.map_(TEXT, TEXT),
    }
)


@settings(max_examples=60)
@given(ROWS, st.integers(0, 3), st.booleans())
def test_every_row_with_a_mark_is_a_candidate(rows: list[dict[str, Any]], start: int, follow_sessions: bool) -> None:  # noqa: FBT001
    """A row is never left out whose JSON the fetch filter would keep, wherever in its columns the mark is."""
    whole = pa.Table.from_pylist(rows, SCHEMA).combine_chunks().to_batches()[0]
    batch = whole.slice(min(start, len(rows) - 1))
    extract_settings = ExtractSettings(follow_sessions=follow_sessions)
    matches = compile_matcher(RULES, extract_settings)
    candidates = compile_candidates(RULES, SCHEMA.names, follow_sessions=follow_sessions)(batch)
    kept = [row for row, message in messages(batch, range(batch.num_rows)) if matches(message)]
    assert set(kept) <= set(candidates)
    assert list(candidates) == sorted(set(candidates))


def test_few_rows_are_candidates() -> None:
    """Rows without a mark are not written as JSON: they are counted, and that is all."""
    reader = Reader(ReadSettings(RULES, ExtractSettings()))
    content = parquet(events(200), row_group_size=50)
    chunks = list(files.read_one(Found("a.parquet", len(content)), io.BytesIO(content), reader))
    assert (chunks, reader.stats.messages, reader.stats.unmarked, reader.stats.records) == ([], 200, 190, 10)
    assert reader.stats.size == len(content)


def test_progress_grows_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks are handed over on the way, and their sizes add up to the file's."""
    monkeypatch.setattr("streams.backtest.reading.reader._CHUNK_BYTES", 1)
    reader = Reader(ReadSettings(RULES, ExtractSettings()))
    content = parquet([ocsf(found(day)) for day in range(1, 29)], row_group_size=7)
    sizes = [
        chunk.stats.size for chunk in files.read_one(Found("a.parquet", len(content)), io.BytesIO(content), reader)
    ]
    assert (len(sizes), all(size > 0 for size in sizes)) == (4, True)
    assert sum(sizes) + reader.stats.size == len(content)
