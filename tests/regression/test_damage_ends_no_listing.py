"""RocksDB's iterator ends at damage as if there were no more entries, so pairs were forgotten silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import rocksdict

from streams.worker.state.entries import stored_from

if TYPE_CHECKING:
    from pathlib import Path


def test_damage_is_raised(tmp_path: Path) -> None:
    """A2: listing a damaged store raises an error and does not end early."""
    path = tmp_path / "memory-0.db"
    store = rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))
    for number in range(3000):
        store[b"key-%06d" % number] = b"value" * 20
    store.flush()
    store.close()
    (table,) = path.glob("*.sst")
    data = table.read_bytes()
    middle = len(data) // 2
    table.write_bytes(data[:middle] + b"\xff" * 64 + data[middle + 64 :])
    store = rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))
    with pytest.raises(Exception, match="Corruption"):
        list(stored_from(store, b""))
    store.close()
