"""The check of the stores on disk before a worker opens them. The broker tests cover the changelog's side."""

from __future__ import annotations

import subprocess
import sys
from subprocess import PIPE
from typing import TYPE_CHECKING

import pytest
import rocksdict

from streams.settings import Settings
from streams.worker.state import disk_check
from streams.worker.state.disk_check import OFFSET_KEY, StateError, check_state
from streams.worker.state.rocksdb import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from small_disk import SmallDisk


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose changelog ends at offset 100 in every partition; the broker knows no topic ids."""
    monkeypatch.setattr(disk_check, "_end_offsets", lambda *_: dict.fromkeys(range(8), 100))
    monkeypatch.setattr(disk_check, "_topic_id", lambda *_: None)
    return Settings.model_validate({"state_dir": tmp_path})


def store(folder: Path, partition: int, offset: int | None) -> Path:
    """A store of a few thousand entries with a changelog offset; its data is in a table file."""
    path = folder / "v1" / "tables" / f"memory-{partition}.db"
    opened = rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))
    for number in range(3000):
        opened[b"key-%06d" % number] = b"value" * 20
    if offset is not None:
        opened[OFFSET_KEY] = b"%d" % offset
    opened.flush()
    opened.close()
    return path


@pytest.mark.parametrize("offset", [None, 0, 99])
def test_sound_stores_stay(settings: Settings, tmp_path: Path, offset: int | None) -> None:
    """A store that can be read and is not ahead of its changelog is left as it is."""
    path = store(tmp_path, 3, offset)
    before = {file.name: file.read_bytes() for file in path.glob("*.sst")}
    check_state(settings)
    assert {file.name: file.read_bytes() for file in path.glob("*.sst")} == before


@pytest.mark.parametrize("offset", [100, 4711])
def test_ahead_of_the_changelog(settings: Settings, tmp_path: Path, offset: int) -> None:
    """A store that is ahead of its changelog is refused and not moved."""
    path = store(tmp_path, 3, offset)
    with pytest.raises(StateError, match=rf"memory-3\.db is ahead of topic .*offset {offset}, .* ends at 100"):
        check_state(settings)
    assert path.exists()


def test_a_changelog_made_anew_is_noticed_however_far_it_has_grown(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store is refused if its topic was recreated, even if the new topic ends far past the store's offset.

    An empty directory fits any topic. So does a directory without a noted topic.
    """
    topic_id = "one"
    monkeypatch.setattr(disk_check, "_topic_id", lambda *_: topic_id)
    check_state(settings)
    topic_id = "two"
    check_state(settings)
    path = store(tmp_path, 3, 50)
    check_state(settings)
    topic_id = "three"
    with pytest.raises(StateError, match=r"another topic than rootwatch-memory-changelog is now \(id two, now three\)"):
        check_state(settings)
    topic_id = "two"
    check_state(settings)
    topic_id = "three"
    path.rename(tmp_path / "moved-away")
    check_state(settings)
    assert (tmp_path / "memory-changelog.id").read_text() == "three\n"
    (tmp_path / "memory-changelog.id").unlink()
    store(tmp_path, 3, 50)
    topic_id = "four"
    check_state(settings)
    assert (tmp_path / "memory-changelog.id").read_text() == "four\n"


@pytest.mark.parametrize("place", ["v1", "v1/tables", "v1/tables/memory-0.db", "v1/tables/memory-0.db/CURRENT"])
def test_what_is_somebody_elses_is_no_damage(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A file that this user may not read and write is refused by name, and the store is not moved aside."""
    path = store(tmp_path, 0, 99)
    before = sorted(tmp_path.rglob("*"))
    # These tests may run as root, which has every right.
    monkeypatch.setattr(disk_check.os, "access", lambda asked, _mode: asked != tmp_path / place)
    with pytest.raises(StateError, match=f"^state_dir: {tmp_path / place}: this user may not read and write it"):
        check_state(settings)
    assert path.exists()
    assert sorted(tmp_path.rglob("*")) == before


def damages() -> Iterator[tuple[str, str, bytes | None]]:
    """Name, pattern of the file, and what replaces its middle; ``None`` removes the file."""
    yield "a block of a table file", "*.sst", b"\xff" * 64
    yield "a table file that is gone", "*.sst", None
    yield "the list of files", "MANIFEST-*", b"\xff" * 64


@pytest.mark.parametrize(("pattern", "written"), [pytest.param(*rest, id=name) for name, *rest in damages()])
def test_damaged_stores_are_moved_aside(
    settings: Settings, tmp_path: Path, pattern: str, written: bytes | None
) -> None:
    """Damage anywhere in a store moves the whole store aside; other partitions stay."""
    path, other = store(tmp_path, 0, 99), store(tmp_path, 1, 99)
    (file,) = path.glob(pattern)
    if written is None:
        file.unlink()
    else:
        data = file.read_bytes()
        middle = len(data) // 2
        file.write_bytes(data[:middle] + written + data[middle + len(written) :])
    check_state(settings)
    assert not path.exists()
    assert len(list(path.parent.glob("memory-0.db.damaged-*/LOCK"))) == 1
    assert other.exists()


def test_a_full_disk_is_no_damage(settings: Settings, disk: SmallDisk) -> None:
    """If the disk is too full to open a store, the worker refuses to start, and the store stays: it is not damaged."""
    settings = settings.model_copy(update={"state_dir": disk.folder})
    path = store(disk.folder, 0, 99)
    (path / "rocksdict-config.json").write_bytes(b"")  # as a write on a full disk leaves it
    disk.fill()
    with pytest.raises(StoreError, match=r"No space left on device.*; make room on its disk, then start again"):
        check_state(settings)
    disk.make_room()
    check_state(settings)
    assert path.exists()


def test_damage_on_a_full_disk(settings: Settings, disk: SmallDisk) -> None:
    """A damaged store is moved aside even on a full disk."""
    settings = settings.model_copy(update={"state_dir": disk.folder})
    path = store(disk.folder, 0, 99)
    (path / "CURRENT").write_text("nonsense")
    disk.fill()
    check_state(settings)
    assert not path.exists()
    assert len(list(path.parent.glob("memory-0.db.damaged-*/LOCK"))) == 1


HOLD = "import rocksdict, sys; held = rocksdict.Rdict(sys.argv[1], rocksdict.Options(raw_mode=True)); print(); input()"


def test_a_store_in_use_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    """A store that another process has open is neither checked nor moved: Faust waits for that process, and logs it."""
    path = store(tmp_path, 0, 4711)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=PIPE, stdout=PIPE) as other:  # noqa: S603  ours
        assert other.stdout is not None
        assert other.stdout.readline() == b"\n"
        check_state(settings)
        other.communicate(b"\n")
    with pytest.raises(StateError):
        check_state(settings)
