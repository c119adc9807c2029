"""A disk so small that a test can fill it: a tmpfs in its own mount namespace, which needs no root.

An idle process holds the namespace, and other processes reach the disk through ``/proc/PID/root``. The process ends
with the tests, in whatever way they end, and so does the disk. Where mounting is not allowed, as in a plain Docker
container, there usually is a small tmpfs at ``/dev/shm``.
"""

from __future__ import annotations

import errno
import fcntl
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1024 * 1024
# As root of a new user namespace; if these are turned off, as root.
UNSHARES = (("unshare", "--map-root-user", "--mount"), ("unshare", "--mount"))
_HOLD = 'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$2" && echo mounted && exec cat'
SHARED = Path("/dev/shm")  # noqa: S108  a disk, not a temporary file
SHARED_AT_MOST = 256 * MEBIBYTE


class NoSmallDiskError(Exception):
    """This machine has none and does not allow to mount one; the message has the attempts."""


class SmallDisk:
    """The disk at ``folder``, with a ballast file that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leaving: int = 0) -> None:
        """Leave so many bytes free, rounded down to pages."""
        with self._ballast.open("ab", buffering=0) as ballast:
            size = MEBIBYTE
            while size:
                try:
                    ballast.write(bytes(size))
                except OSError as refused:
                    if refused.errno != errno.ENOSPC:
                        raise
                    size //= 2
            ballast.truncate(max(0, ballast.tell() - leaving))

    def make_room(self) -> None:
        """Remove the ballast."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """A disk of ``size`` bytes, mounted at ``folder``; one in ``/dev/shm`` has the size of that tmpfs.

    Raises:
        NoSmallDiskError: this machine has none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    refusals = []
    for unshare in UNSHARES:
        command = [*unshare, "sh", "-c", _HOLD, "sh", str(size), str(folder)]
        with subprocess.Popen(  # noqa: S603  the command is this module's own
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as holder:  # its end closes the process's input, which ends the process
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline():
                yield SmallDisk(Path(f"/proc/{holder.pid}/root{folder.resolve()}"))
                return
            refusals.append(holder.stderr.read().strip())
    if not SHARED.is_dir() or shutil.disk_usage(SHARED).total > SHARED_AT_MOST:
        raise NoSmallDiskError(f"{'; '.join(refusals)}; {SHARED} is not there or not small")
    with (SHARED / "rootwatch-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test run would find its disk full
        with tempfile.TemporaryDirectory(dir=SHARED) as shared:
            yield SmallDisk(Path(shared))
