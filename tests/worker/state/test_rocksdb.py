"""RocksDB on a disk that fills up: the operator's message, and the content of the disk."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from contextlib import closing
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from rocksdict import WriteBatch
from small_disk import MEBIBYTE

from streams.settings import Settings
from streams.worker.state import disk_check
from streams.worker.state.disk_check import OFFSET_KEY, check_state
from streams.worker.state.rocksdb import KEPT_LOGS, StoreError, StoreOptions, translate_errors
from streams.worker.state.table import STORE_OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from small_disk import SmallDisk

PAGE = 4096


def opened(path: Path) -> Any:
    """A store, opened as Faust opens it in the worker."""
    options = {name: value for name, value in STORE_OPTIONS.items() if name != "driver"}
    with translate_errors(path.parent):
        return StoreOptions(use_rocksdict=True, **options).open(path)


def write_until_full(path: Path, last: int, chance: random.Random) -> int:
    """Write batches with ascending offsets until the disk is full; return the last offset that was written."""
    try:
        store = opened(path)
        while True:
            batch = WriteBatch(raw_mode=True)
            for number in range(chance.randint(1, 50)):
                batch.put(b"%d-%d" % (last + 1, number), chance.randbytes(100))
            batch.put(OFFSET_KEY, b"%d" % (last + 1))
            with translate_errors(path.parent):
                store.write(batch)
            last += 1
    except StoreError as full:
        assert f"state_dir = {path.parent}: cannot be written to: " in str(full)  # noqa: PT017  raised for sure
        assert "No space left on device" in str(full)  # noqa: PT017
        assert "; make room on its disk, then start again: nothing is lost" in str(full)  # noqa: PT017
        return last
    finally:
        # Since Python 3.12 the error holds the store in a cycle, and RocksDB its lock, until that is collected.
        gc.collect()


def test_full_at_any_moment(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A2, M9: at whatever point the disk is full, the store keeps what was written, and never counts as damaged."""
    monkeypatch.setattr(disk_check, "_end_offsets", lambda *_: {})
    monkeypatch.setattr(disk_check, "_topic_id", lambda *_: None)
    settings = Settings.model_validate({"state_dir": disk.folder})
    chance = random.Random(4)  # noqa: S311  no secret
    path = disk.folder / "v1" / "tables" / "memory-0.db"
    path.parent.mkdir(parents=True)
    last = 0
    # With up to eight pages the store is not completed; RocksDB takes a second to close a store that failed.
    for room in [*range(0, 9 * PAGE, PAGE), *(chance.randrange(MEBIBYTE) for _ in range(4))]:
        disk.fill(leaving=room)
        last = write_until_full(path, last, chance)
        try:
            check_state(settings)
        except StoreError as full:
            assert "; make room on its disk" in str(full)  # noqa: PT017  a page may be left, or not
        disk.make_room()
        check_state(settings)
        # The failed write may be on the disk completely: the changelog already has it.
        with closing(opened(path)) as store:
            assert int(store.get(OFFSET_KEY) or 0) - last in {0, 1}
    assert last > 0
    assert list(path.parent.glob("*.damaged-*")) == []


HOLD = "import rocksdict, sys; held = rocksdict.Rdict(sys.argv[1], rocksdict.Options(raw_mode=True)); print(); input()"


def test_held_by_another_process(tmp_path: Path) -> None:
    """A store that another process has open is refused, and the message names that cause."""
    path = tmp_path / "memory-0.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=PIPE, stdout=PIPE) as other:  # noqa: S603  ours
        assert other.stdout is not None
        assert other.stdout.readline() == b"\n"
        with pytest.raises(StoreError, match="; give each worker a state_dir of its own, then start again"):
            opened(path)
        other.communicate(b"\n")


def test_restarts_do_not_fill_the_disk_with_logs(tmp_path: Path) -> None:
    """RocksDB's own logs stay few, however often a store is opened."""
    for _ in range(3 * KEPT_LOGS):
        opened(tmp_path / "store").close()
    assert len(list((tmp_path / "store").glob("LOG*"))) == KEPT_LOGS
