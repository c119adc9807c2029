"""Files as a source: large files come in chunks, and pipes are files too."""

from __future__ import annotations

import gzip
import json
import os
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from compressed import COMPRESSIONS
from replay_records import lines, ordinary, record
from sightings import RULES

from streams.backtest.reading.tasks import ReadSettings
from streams.backtest.sources import files
from streams.backtest.sources.archive import Found
from streams.pipeline import ExtractSettings, sight

if TYPE_CHECKING:
    from pathlib import Path

    from streams.backtest.reading.tasks import Chunk


def test_a_large_file_comes_in_parts_though_it_holds_no_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is seen within one large file, and adds up to its size."""
    monkeypatch.setattr("streams.backtest.sources.files.TASK_BYTES", 64 * 1024)
    path = tmp_path / "a.jsonl.gz"
    content = b"".join(gzip.compress(os.urandom(99_000).hex().encode() + b"\n") for _ in range(20))
    path.write_bytes(content)
    chunks = list(files.FileTask((Found(str(path), len(content)),)).read(ReadSettings(RULES, ExtractSettings())))
    assert len(chunks) > 3
    assert sum(chunk.stats.size for chunk in chunks) == len(content)


def test_a_pipe_of_lines_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe has no position, and is still read."""
    monkeypatch.setattr("streams.backtest.reading.reader._CHUNK_BYTES", 1)
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    text = lines(record("2026-01-01T00:00:00Z"), *[ordinary(number) for number in range(500)])
    writer = Thread(target=path.write_text, args=(text,))
    writer.start()
    chunks = list(files.FileTask((Found(str(path), 0),)).read(ReadSettings(RULES, ExtractSettings())))
    writer.join()
    assert [chunk.stats.failures for chunk in chunks] == [[] for _ in chunks]
    assert (sum(chunk.stats.messages for chunk in chunks), sum(len(chunk.sightings) for chunk in chunks)) == (501, 1)


SMALL = ExtractSettings(max_message_size=100_000)
MATCH = record("2026-01-01T00:00:00Z")


def read(path: Path, content: bytes, extract_settings: ExtractSettings = SMALL) -> list[Chunk]:
    path.write_bytes(content)
    return list(files.FileTask((Found(str(path), len(content)),)).read(ReadSettings(RULES, extract_settings)))


@pytest.mark.parametrize("beginning", ["", "\ufeff", '"cut": 1}\n'])
@pytest.mark.parametrize("packed", [False, True])
def test_a_large_export_of_lines_is_read_line_by_line(tmp_path: Path, beginning: str, packed: bool) -> None:  # noqa: FBT001
    """R3: JSON lines above the bound of a message are messages each, whatever the file is called."""
    text = (beginning + lines(MATCH, *map(ordinary, range(1000)), MATCH)).encode()
    chunks = read(tmp_path / "export.json", gzip.compress(text) if packed else text)
    assert sum(len(chunk.sightings) for chunk in chunks) == 2
    assert sum(chunk.stats.messages for chunk in chunks) == 1002 + beginning.endswith("\n")
    assert sum(chunk.stats.rejected.total() for chunk in chunks) == beginning.endswith("\n")


@pytest.mark.parametrize(
    "text", [json.dumps({"Records": [MATCH] * 300}), json.dumps([MATCH] * 200, indent=1), "x\n" * 100_000]
)
def test_a_large_file_of_another_kind_says_what_to_do(tmp_path: Path, text: str) -> None:
    """R3: the error names the bound, the setting and the name that would have it read."""
    [chunk] = read(tmp_path / "export.json", text.encode())
    [rejection] = chunk.stats.rejections
    assert (chunk.stats.messages, rejection.reason) == (1, "too-large")
    assert rejection.error.startswith(
        "larger than 100000 bytes, decompressed: raise max_message_size, or name the file .jsonl"
    )


def _damaged(member: bytes) -> bytes:
    return member[:-8] + bytes(byte ^ 0xFF for byte in member[-8:])


@pytest.mark.parametrize("damaged_at", [0, 1, 2])
@pytest.mark.parametrize("padding", [0, 2_000_000])
def test_whole_members_beside_a_damaged_one_are_read(tmp_path: Path, damaged_at: int, padding: int) -> None:
    """R7: of gzip with a damaged member the others are read, as the worker reads them, and the file is still named."""
    matches = [record(f"2026-01-0{day}T00:00:00Z") for day in (1, 2, 3)]
    noise = os.urandom(padding // 2).hex()
    members = [gzip.compress(json.dumps(match | {"noise": noise}).encode()) for match in matches]
    members[damaged_at] = _damaged(members[damaged_at])
    content = b"".join(members)
    chunks = read(tmp_path / "file.json", content, ExtractSettings())
    (stats,) = [chunk.stats for chunk in chunks if chunk.stats.failures]
    whole = sight(content, RULES, ExtractSettings())
    assert [sighting for chunk in chunks for sighting in chunk.sightings] == list(whole.sightings)
    assert len(whole.sightings) == 2
    assert [error for _, error in stats.failures] == [f"{whole.rejected[0].error}; its whole members were read"]
    assert (stats.messages, stats.rejected.total()) == (1, 1)
    assert stats.rejections[0].location.element == damaged_at


@pytest.mark.parametrize("end", [-1, -20, 2])
def test_a_file_without_a_whole_member_is_only_named(tmp_path: Path, end: int) -> None:
    """Cut gzip of one member holds no message: it is named as a file that cannot be read, and not counted."""
    [chunk] = read(tmp_path / "file.json.gz", gzip.compress(json.dumps(MATCH).encode())[:end], ExtractSettings())
    assert [error for _, error in chunk.stats.failures] == ["cut gzip: it ends before its end marker"]
    assert (chunk.stats.messages, chunk.stats.rejected.total(), chunk.sightings) == (0, 0, [])


@pytest.mark.parametrize("separator", ["", " ", "\n", "\x1e", "\ufeff"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("packing", ["plain", *COMPRESSIONS])
def test_a_file_of_several_documents_holds_what_reading_it_whole_finds(
    tmp_path: Path, packing: str, indent: int | None, separator: str
) -> None:
    """R7, R8: an archive's file of several documents gives what the worker would find in it."""
    documents = ({"Records": [ordinary(1), MATCH]}, MATCH, {"Records": [ordinary(2)]})
    text = separator.join(json.dumps(document, indent=indent) for document in documents).encode()
    content = text if packing == "plain" else COMPRESSIONS[packing](text)
    [chunk] = read(tmp_path / "file.json", content, ExtractSettings())
    whole = sight(content, RULES, ExtractSettings())
    assert chunk.sightings == list(whole.sightings)
    assert len(chunk.sightings) == 2
    assert (chunk.stats.rejected.total(), chunk.stats.failures, whole.rejected) == (0, [], ())
