"""The disk watch looks at files without blocking the event loop."""

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
    """A geo look-up that notes the thread in which its files are read."""

    def __init__(self) -> None:
        self.read_in: list[int] = []

    def refresh(self) -> None:
        """Note the thread."""
        self.read_in.append(threading.get_ident())


def store(path: Path, sizes: list[int]) -> Any:
    """A store with files of these sizes."""
    path.mkdir()
    for number, size in enumerate(sizes):
        (path / str(number)).write_bytes(b"x" * size)
    return SimpleNamespace(path=lambda: str(path))


def samples(app: Any, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric that is read on request."""
    (gauge,) = [gauge for gauge in GAUGES if gauge.name == name]
    return dict(gauge.read(app))


def test_files_are_looked_at_in_a_thread_and_shown_from_memory(tmp_path: Path) -> None:
    """A request for metrics reads no disk: it gives the sizes of the last look, and none before the first."""
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
    """A disk that does not answer causes one line in the log, and detection goes on."""
    places = GeoLookup()
    monkeypatch.setattr(places, "refresh", (tmp_path / "missing").read_bytes)
    with capture_logs() as logged:
        asyncio.run(DiskWatch(tmp_path, list, places).look())
    assert [entry["event"] for entry in logged] == ["disk.unread"]
