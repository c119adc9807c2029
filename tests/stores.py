"""The stores of workers, and what their changelog says that they must hold."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import rocksdict

from streams.worker.state.disk_check import OFFSET_KEY
from streams.worker.state.entries import stored_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker_process import Deployment

Changes = list[tuple[bytes, bytes | None]]


def changelog(deployment: Deployment) -> str:
    """The changelog topic."""
    return f"{deployment.names.group_id}-memory-changelog"


def latest(changes: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """The content of a table after these changes."""
    return {key: value for key, value in dict(changes).items() if value is not None}


def stores(deployment: Deployment, worker: str) -> dict[int, tuple[int, dict[bytes, bytes]]]:
    """The stores of an ended worker, by partition: its changelog offset and its entries."""
    found = {}
    for path in sorted((deployment.folder / worker).glob("v1/tables/memory-*.db")):
        options, access = rocksdict.Options(raw_mode=True), rocksdict.AccessType.read_only()
        store = rocksdict.Rdict(str(path), options, access_type=access)
        entries = dict(stored_from(store, b""))
        store.close()
        reached = int(entries.pop(OFFSET_KEY, b"-1"))
        found[int(path.stem.rpartition("-")[2])] = (reached, entries)
    return found


def has_all(deployment: Deployment, worker: str, last: Mapping[int, int]) -> bool:
    """Whether the stores of a worker, which may be running, have reached these offsets."""
    try:
        reached = {number: reached for number, (reached, _) in stores(deployment, worker).items()}
        return all(reached.get(number, -1) >= offset for number, offset in last.items())
    except Exception:  # noqa: BLE001  rocksdict raises nothing more precise; a file may disappear while it is opened
        return False


def entries_by_changelog(deployment: Deployment) -> dict[int, dict[bytes, bytes]]:
    """The entries that each partition's store must have, by the broker's present changelog."""
    changes: dict[int, Changes] = defaultdict(list)
    for message in deployment.read(changelog(deployment)):
        changes[message.partition()].append((message.key(), message.value()))
    return {number: latest(ordered) for number, ordered in changes.items()}
