"""Faust's RocksDB store, with errors that tell the operator what to do, above all if the disk is full.

The rules:

* RocksDB's error names the file and the system's reason. The message adds the setting and the fix.
* A write that fails stops the worker. RocksDB accepts no write after a failed one, and the next process finds a store
  that is complete up to some acknowledged change (``table``).
* A store is closed when its partition is given up, even if something still refers to it. Otherwise a batch that waits
  for a schema registry would keep RocksDB's lock, and the partition could not be opened when it comes back.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faust.stores import rocksdb

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# rocksdict's errors are plain exceptions. Only the system's text in them tells them apart.
_DISK_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
_LOCKED = os.strerror(errno.EAGAIN)
KEPT_LOGS = 5


class StoreError(OperatorError):
    """A store on this disk cannot be written; the message says why, and what to do."""


def is_disk_full(error: Exception) -> bool:
    """Whether RocksDB failed because the disk or the user's quota is full."""
    return any(text in str(error) for text in _DISK_FULL)


def store_error(state_dir: Path, error: Exception) -> StoreError:
    """Return RocksDB's error as one that tells an operator what to do."""
    if is_disk_full(error):
        fix = "make room on its disk"
    elif _LOCKED in str(error):
        fix = "give each worker a state_dir of its own"
    else:
        fix = "see to its disk"
    return StoreError(
        f"state_dir = {state_dir}: cannot be written to: {error}; {fix}, then start again: nothing is lost"
    )


@contextmanager
def translate_errors(state_dir: Path) -> Iterator[None]:
    """Open or write stores inside.

    Raises:
        StoreError: RocksDB raised anything.
    """
    try:
        yield
    except Exception as refused:  # rocksdict raises nothing more precise
        raise store_error(state_dir, refused) from refused


class StoreOptions(rocksdb.RocksDBOptions):  # type: ignore[misc]
    """How a store is opened. RocksDB starts a new log file at each opening, and by default keeps 1,000 of them."""

    def as_options(self) -> Any:
        """RocksDB's options."""
        options = super().as_options()
        options.set_keep_log_file_num(KEPT_LOGS)
        return options


class Store(rocksdb.Store):  # type: ignore[misc]
    """The stores of a table's partitions; see the rules above."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rocksdb_options = StoreOptions(**self.options, use_rocksdict=self.use_rocksdict)

    def revoke_partitions(self, table: Any, tps: Any) -> None:
        """Close the stores of partitions that are given up."""
        for tp in tps:
            store = self._dbs.pop(tp.partition, None) if tp.topic in table.changelog_topic.topics else None
            if store is not None:
                with translate_errors(self.app.options.state_dir):
                    store.close()

    def _open_for_partition(self, partition: int) -> Any:
        with translate_errors(self.app.options.state_dir):
            return super()._open_for_partition(partition)


Store.logger = rocksdb.Store.logger  # so that Faust's messages about its stores keep their logger and its level
