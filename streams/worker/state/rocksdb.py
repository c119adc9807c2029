"""Faust's RocksDB store, with what to do when it cannot be written: on a full disk, above all.

The rules:

* RocksDB names the file and the system's reason; what an operator needs besides is the setting and the fix.
* Whatever cannot be written stops the worker. RocksDB itself takes no write after one that failed, and the next process
  finds a store that is whole up to some acknowledged change (``memory_table``).
* A store is closed when its partition is given up, whatever still refers to it: a batch that waits for a registry would
  otherwise keep RocksDB's lock, and the partition could not be opened when it comes back.
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

# rocksdict's errors are plain exceptions; the system's words are all there is to tell them apart.
_DISK_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
_LOCKED = os.strerror(errno.EAGAIN)
KEPT_LOGS = 5


class StoreError(OperatorError):
    """A store on this disk cannot be written; the message says why, and what to do."""


def is_disk_full(error: Exception) -> bool:
    """Whether RocksDB failed because the disk is full, or the user's share of it."""
    return any(words in str(error) for words in _DISK_FULL)


def refusal(state_dir: Path, error: Exception) -> StoreError:
    """What RocksDB raised, in an operator's words."""
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
        raise refusal(state_dir, refused) from refused


class StoreOptions(rocksdb.RocksDBOptions):  # type: ignore[misc]
    """How a store is opened. RocksDB begins a log of its own at each opening; by itself it would keep a thousand."""

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


Store.logger = rocksdb.Store.logger  # what Faust tells of its stores is its own, with its own level
