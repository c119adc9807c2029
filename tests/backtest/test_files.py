"""Files as a source: large ones come in parts, pipes are files too."""

from __future__ import annotations

import gzip
import os
from threading import Thread
from typing import TYPE_CHECKING

from replay_records import lines, ordinary, record
from sightings import RULE

from streams.backtest import files
from streams.backtest.archive import Found
from streams.backtest.reader import Reading
from streams.pipeline import Taking

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_large_file_comes_in_parts_though_it_holds_no_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is seen within one large file, and adds up to its size."""
    monkeypatch.setattr("streams.backtest.files.TASK_BYTES", 64 * 1024)
    path = tmp_path / "a.jsonl.gz"
    content = b"".join(gzip.compress(os.urandom(99_000).hex().encode() + b"\n") for _ in range(20))
    path.write_bytes(content)
    parts = list(files.FileTask((Found(str(path), len(content)),)).read(Reading(RULE, Taking())))
    assert len(parts) > 3
    assert sum(part.tally.size for part in parts) == len(content)


def test_a_pipe_of_lines_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe cannot tell how far it was read, and is read all the same."""
    monkeypatch.setattr("streams.backtest.reader.PART_BYTES", 1)
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    text = lines(record("2026-01-01T00:00:00Z"), *[ordinary(number) for number in range(500)])
    writer = Thread(target=path.write_text, args=(text,))
    writer.start()
    parts = list(files.FileTask((Found(str(path), 0),)).read(Reading(RULE, Taking())))
    writer.join()
    assert [part.tally.failures for part in parts] == [[] for _ in parts]
    assert (sum(part.tally.messages for part in parts), sum(len(part.sightings) for part in parts)) == (501, 1)
