"""Checks whether the table on this disk can be trusted, before the worker opens it.

The rules:

* RocksDB finds damage only in what it reads. So each partition's store is read whole: half a second per million pairs.
* A damaged store is moved aside and never used again. The changelog is always ahead of the store (A2) and so holds all
  of its content. Faust rebuilds the partition from it.
* A store that this user may not read and write is refused. It is not damaged: its owner can use it.
* A full disk is not damage: even opening a store for reading takes a few bytes. A store whose creation was interrupted
  and that holds no data is not damaged either; RocksDB completes it.
* A store that is ahead of its changelog is refused: the topic was deleted, recreated or cut, and this disk may hold the
  last copy of the memory. The operator decides what to do with it.
* A store that was kept from another topic is refused too, even if both topics have the same name. In a topic that was
  recreated and has grown since, the store's offset proves nothing. So Kafka's id of the topic is noted beside the
  stores.
"""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rocksdict
import structlog
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.errors import OperatorError
from streams.kafka.admin import BrokerAccess
from streams.topics.catalogue import topic_names
from streams.worker.state.entries import stored_from
from streams.worker.state.rocksdb import is_disk_full, store_error, translate_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.settings import Settings

log = structlog.get_logger(__name__)

# Faust's key for the changelog offset that a store has reached.
OFFSET_KEY = b"__faust\0offset__"
_ASIDE = ".damaged-"


class StateError(OperatorError):
    """The state on this disk must not be used; the message says why, and what to do."""


def check_state(settings: Settings) -> None:
    """Set damaged stores aside, and compare the others with the changelog.

    Raises:
        StateError: a store is ahead of the changelog, was kept from another one, or this user may not use it.
        StoreError: the disk is too full to open a store.
        BrokerUnreachable, BrokerError: the broker does not give the changelog's end.
    """
    _check_rights(settings.state_dir)
    for table, changelog in topic_names(settings).changelogs.items():
        stores = _stores(settings.state_dir, table)
        reached = {path: offset for path in stores if (offset := _reached_offset(settings.state_dir, path)) is not None}
        if reached:
            _check_offsets(reached, changelog, _end_offsets(settings, changelog))
        is_kept = bool(reached) or any(map(_in_use, stores))
        note = settings.state_dir / f"{table}-changelog.id"
        _check_topic(note, changelog, _topic_id(settings, changelog), is_kept=is_kept)


def _check_offsets(reached: Mapping[Path, int], changelog: str, ends: Mapping[int, int]) -> None:
    for path, offset in sorted(reached.items()):
        end = ends.get(_partition(path))
        if end is not None and offset >= end:
            raise StateError(
                f"state_dir: {path} is ahead of topic {changelog}, partition {_partition(path)}: it was kept up to "
                f"offset {offset}, and the topic ends at {end}, so the topic was deleted, recreated or cut. Restore "
                f"the topic; or move {path} away, and the worker remembers what the topic holds: pairs that are not in "
                "it alert again"
            )


def _check_topic(note: Path, changelog: str, topic_id: str | None, *, is_kept: bool) -> None:
    """Compare the changelog with the noted one. Note it if none was noted, or if nothing was kept from the old one.

    Args:
        note: the file that holds the id of the changelog topic that the table's stores were kept from.
        changelog: the topic.
        topic_id: its id now; ``None`` from a broker without topic ids.
        is_kept: whether something was kept.
    """
    state_dir = note.parent
    noted = note.read_text().strip() if note.exists() else None
    if topic_id is None or noted == topic_id:
        return
    if noted is not None and is_kept:
        raise StateError(
            f"state_dir: {state_dir} was kept from another topic than {changelog} is now (id {noted}, now {topic_id}): "
            "the topic was deleted and recreated, or group_id has changed. Restore the topic; or move "
            f"{state_dir} away, and the worker remembers what the topic holds: pairs that are not in it alert again"
        )
    whole = note.with_suffix(".new")
    with translate_errors(state_dir):
        whole.write_text(f"{topic_id}\n")
        whole.replace(note)


def _check_rights(state_dir: Path) -> None:
    for folder, folders, files in os.walk(state_dir):
        folders[:] = [name for name in folders if _ASIDE not in name]
        entries = [
            *((name, os.R_OK | os.W_OK | os.X_OK) for name in folders),
            *((name, os.R_OK | os.W_OK) for name in files),
        ]
        for name, wanted in entries:
            path = Path(folder, name)
            # A worker that is just ending may have deleted it meanwhile.
            if not os.access(path, wanted) and path.exists():
                raise StateError(
                    f"state_dir: {path}: this user may not read and write it; give it to the worker's user"
                )


def _stores(state_dir: Path, table: str) -> list[Path]:
    return sorted(path for path in state_dir.glob(f"v*/tables/{table}-*.db") if path.is_dir())


def _partition(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _reached_offset(state_dir: Path, path: Path) -> int | None:
    """The changelog offset that a store has reached; ``None`` if it has none, or if the store is set aside."""
    if _in_use(path):
        return None  # another process has it open: Faust waits for that process, and logs it
    if _is_incomplete(path):
        return None
    try:
        store = rocksdict.Rdict(
            str(path), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        try:
            return _read_whole(store)
        finally:
            store.close()
    except Exception as damage:
        if is_disk_full(damage):
            raise store_error(state_dir, damage) from damage
        _set_aside(path, damage)
        return None


def _read_whole(store: Any) -> int | None:
    for _ in stored_from(store, b""):
        pass
    offset = store.get(OFFSET_KEY)
    return None if offset is None else int(offset)


def _is_incomplete(path: Path) -> bool:
    """Whether the creation of a store was interrupted: it has no list of its files, and no data."""
    data = (file.stat().st_size for pattern in ("*.sst", "*.log") for file in path.glob(pattern))
    return not (path / "CURRENT").exists() and not any(data)


def _in_use(path: Path) -> bool:
    """Whether a process has the store open: RocksDB then holds a lock on this file."""
    lock = path / "LOCK"
    if not lock.exists():
        return False
    with lock.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _set_aside(path: Path, damage: Exception) -> None:
    now = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S")
    try:
        aside = path.rename(path.with_name(f"{path.name}{_ASIDE}{now}"))
    except OSError as refused:
        raise StateError(f"state_dir: {path} is damaged ({damage}) and cannot be moved aside: {refused}") from damage
    log.error(
        "state.damaged",
        store=str(path),
        error=str(damage),
        moved_to=str(aside),
        consequence="the partition is rebuilt from the changelog; nothing is lost",
    )


def _topic_id(settings: Settings, topic: str) -> str | None:
    """Kafka's id of a topic, which is new each time the topic is created; ``None`` if the broker has no topic ids."""
    with BrokerAccess(settings) as access:
        (future,) = access.client.describe_topics(TopicCollection([topic])).values()
        given = access.result(f"topic {topic}", "Describe", future).topic_id
    is_none = given.get_most_significant_bits() == given.get_least_significant_bits() == 0
    return None if is_none else str(given)


def _end_offsets(settings: Settings, topic: str) -> dict[int, int]:
    """The end offset of each partition of a topic."""
    asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(settings.partitions)}
    with BrokerAccess(settings) as access:
        return {
            partition.partition: access.result(f"topic {topic}", "ListOffsets", future).offset
            for partition, future in access.client.list_offsets(asked).items()
        }
