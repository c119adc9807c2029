"""Finding an archive's files: every one once, and CloudTrail's dated folders pruned."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from streams.backtest.sources import archive
from streams.backtest.sources.span import Span
from streams.settings.values import parse_time

DAY_OF_SPAN = Span(parse_time("2026-03-10"), parse_time("2026-03-11"))


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def _names(listing: archive.Listing, root: Path) -> list[str]:
    return [str(Path(found.path).relative_to(root)) for found in listing.files]


def test_folders_are_walked_and_files_come_once_in_order(tmp_path: Path) -> None:
    """Files below folders are found at any depth, sorted by path, and each once, also if it is named several times."""
    for name in ("b/two.json", "b/c/three.json", "a.json"):
        _file(tmp_path / name)
    places = [str(tmp_path / "b"), str(tmp_path / "a.json"), str(tmp_path), str(tmp_path / "b" / "two.json")]
    random.Random(5).shuffle(places)  # noqa: S311  no secret
    assert _names(archive.find(places, Span()), tmp_path) == ["a.json", "b/c/three.json", "b/two.json"]


def test_own_output_is_no_input(tmp_path: Path) -> None:
    """In a folder that holds this command's own output, the output is not read."""
    _file(tmp_path / "in.json")
    output = _file(tmp_path / "out.jsonl")
    assert _names(archive.find([str(tmp_path)], Span(), (output,)), tmp_path) == ["in.json"]


def test_a_pipe_below_a_folder_is_named_and_not_waited_for(tmp_path: Path) -> None:
    """A pipe could block for ever: below a folder it is named and not read; if it is named itself, it is read."""
    _file(tmp_path / "in.json")
    os.mkfifo(tmp_path / "pipe")
    listing = archive.find([str(tmp_path)], Span())
    assert _names(listing, tmp_path) == ["in.json"]
    assert [path for path, _ in listing.failures] == [str(tmp_path / "pipe")]
    assert _names(archive.find([str(tmp_path / "pipe")], Span()), tmp_path) == ["pipe"]


def test_missing_file_is_a_named_failure(tmp_path: Path) -> None:
    """A path that does not exist is named, and the others are found."""
    there = _file(tmp_path / "there.json")
    listing = archive.find([str(tmp_path / "gone.json"), str(there)], Span())
    assert listing.failures == [(str(tmp_path / "gone.json"), "No such file or directory")]
    assert [found.path for found in listing.files] == [str(there)]


@pytest.mark.parametrize(
    ("folder", "entered"),
    [
        ("AWSLogs/111111111111/CloudTrail/us-east-1/2026", True),
        ("AWSLogs/111111111111/CloudTrail/us-east-1/2025", False),
        ("AWSLogs/111111111111/CloudTrail/us-east-1/2027", False),
        ("AWSLogs/o-abc123/111111111111/CloudTrail/us-east-1/2026/03", True),
        ("AWSLogs/o-abc123/111111111111/CloudTrail/us-east-1/2026/02", False),
        ("AWSLogs/o-abc123/111111111111/CloudTrail/us-east-1/2026/04", False),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/03/08", False),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/03/09", True),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/03/10", True),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/03/11", True),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/03/12", False),
        ("x/AWSLogs/111111111111/CloudTrail/us-east-1/2026/13", True),
        ("x/other/2025/01/01", True),
        ("x/AWSLogs/111111111111/CloudTrail-Digest", False),
    ],
)
def test_dated_folders_are_pruned(folder: str, entered: bool) -> None:  # noqa: FBT001  a table's column
    """CloudTrail's dated folders are pruned with a day's margin, as delivery is late; digests never count (R5)."""
    assert archive.is_worth_entering(folder, DAY_OF_SPAN) is entered


def test_without_a_span_every_folder_is_entered() -> None:
    """Without a span nothing is pruned."""
    assert archive.is_worth_entering("AWSLogs/111111111111/CloudTrail/us-east-1/1999/12/31", Span())


def test_late_file_of_the_next_day_is_found(tmp_path: Path) -> None:
    """An event of the span's last minute, delivered after midnight, is still found."""
    base = tmp_path / "AWSLogs/111111111111/CloudTrail/eu-west-1/2026/03"
    for day in ("08", "10", "11", "13"):
        _file(base / day / "a.json")
    assert _names(archive.find([str(tmp_path)], DAY_OF_SPAN), base) == ["10/a.json", "11/a.json"]


def test_links_are_read_as_what_they_point_to(tmp_path: Path) -> None:
    """A link to a file is that file, read once; a link to a folder is not followed, so no loop can trap the walk."""
    real = _file(tmp_path / "a" / "real.json")
    (tmp_path / "a" / "z-link.json").symlink_to(real)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "itself").symlink_to(tmp_path / "a" / "itself")
    listing = archive.find([str(tmp_path)], Span())
    assert _names(listing, tmp_path) == ["a/real.json"]
    assert sorted(path for path, _ in listing.failures) == [
        str(tmp_path / "a" / name) for name in ("gone.json", "itself")
    ]
