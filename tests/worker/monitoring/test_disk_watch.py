"""What the worker must know of files, without holding up its event loop."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from streams.worker.monitoring.disk_watch import DiskWatch
from streams.worker.monitoring.gauges import GAUGES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class GeoLookup:
    """Places whose files are read again; remembers in which thread."""

    def __init__(self) -> None:
        self.read_in: list[int] = []

    def refresh(self) -> None:
        """Read again."""
        self.read_in.append(threading.get_ident())


def store(path: Path, sizes: list[int]) -> Any:
    """A store with files of these sizes."""
    path.mkdir()
    for number, size in enumerate(sizes):
        (path / str(number)).write_bytes(b"x" * size)
    return SimpleNamespace(path=lambda: str(path))


def samples(app: Any, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric that is read when asked."""
    (gauge,) = [gauge for gauge in GAUGES if gauge.name == name]
    return dict(gauge.read(app))


def test_files_are_looked_at_in_a_thread_and_shown_from_memory(tmp_path: Path) -> None:
    """Asked for metrics, the event loop reads no disk: sizes are those of the last look, none before it."""
    own, standby = store(tmp_path / "0", [5, 7]), store(tmp_path / "1", [1])
    gone = tmp_path / "gone"
    places = GeoLookup()
    watch = DiskWatch(tmp_path, lambda: [own.path(), standby.path(), str(gone)], places)
    app = SimpleNamespace(
        disk_watch=watch, memory=SimpleNamespace(stores=lambda: [(0, True, own), (1, False, standby)])
    )
    assert samples(app, "memory_disk_bytes") == samples(app, "state_dir_free_bytes") == {}
    asyncio.run(watch.look())
    (tmp_path / "0" / "more").write_bytes(b"more")
    assert samples(app, "memory_disk_bytes") == {("0", "active"): 12, ("1", "standby"): 1}
    assert samples(app, "state_dir_free_bytes")[()] > 0
    assert places.read_in
    assert threading.get_ident() not in places.read_in


def test_a_look_that_fails_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer is one line in the log: a number for operators is no reason to stop detection."""
    places = GeoLookup()
    monkeypatch.setattr(places, "refresh", (tmp_path / "missing").read_bytes)
    with capture_logs() as logged:
        asyncio.run(DiskWatch(tmp_path, list, places).look())
    assert [entry["event"] for entry in logged] == ["disk.unread"]
