"""A real PostgreSQL for tests, from the archive that Maven Central has of its server."""

from __future__ import annotations

import lzma
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from maven import JavaToolError, dies_with_the_tests
from ports import held_port
from worker_process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOBODY = 65534
# Nothing here outlives the tests. So nothing waits for a disk.
_OPTIONS = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "listen_addresses=127.0.0.1"]


@dataclass(frozen=True)
class Postgres:
    """A running server, which trusts everybody who reaches it: user ``postgres``, database ``postgres``."""

    port: int

    @property
    def jdbc_url(self) -> str:
        """Its address for Java."""
        return f"jdbc:postgresql://127.0.0.1:{self.port}/postgres"

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement returns; none if it returns none or a table is not there yet."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:
            try:
                done = connection.execute(statement, values)  # type: ignore[arg-type]
            except psycopg.errors.UndefinedTable:
                return []
            return done.fetchall() if done.description else []

    def answers(self) -> bool:
        """Whether it lets somebody in."""
        try:
            return self.query("select 1") == [(1,)]
        except psycopg.OperationalError:
            return False


@contextmanager
def postgres(jar: Path) -> Iterator[Postgres]:
    """A server with an empty database until the end of the block.

    Args:
        jar: the jar that holds the server's archive.

    Raises:
        JavaToolError: the server does not come up.
    """
    # The server refuses to run as root, and another user may not enter pytest's folders.
    user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="rootwatch-postgres-"))
    try:
        _unpack(jar, folder)
        if user:
            os.chown(folder, _NOBODY, _NOBODY)
        where = {"cwd": folder, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, **user}
        init = [str(folder / "bin" / "initdb"), "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        made = subprocess.run([*init, "--locale=C"], stdout=subprocess.PIPE, text=True, check=False, **where)  # noqa: S603
        if made.returncode:
            raise JavaToolError(f"initdb failed:\n{made.stdout}")
        with held_port() as port, (folder / "postgres.log").open("wb") as log:
            server = [str(folder / "bin" / "postgres"), "-D", "data", "-p", str(port), "-k", "", *_OPTIONS]
            process = subprocess.Popen([*dies_with_the_tests(), *server], stdout=log, **where)  # noqa: S603
            try:
                running = Postgres(port)
                wait_for(lambda: process.poll() is not None or running.answers(), "PostgreSQL answers or has ended")
                if process.poll() is not None:
                    raise JavaToolError(f"PostgreSQL ended:\n{(folder / 'postgres.log').read_text(errors='replace')}")
                yield running
            finally:
                process.send_signal(signal.SIGQUIT)  # its way of an immediate end, without children left
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(jar: Path, folder: Path) -> None:
    with zipfile.ZipFile(jar) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".txz"))
        with (
            archive.open(name) as packed,
            lzma.open(packed) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as files,
        ):
            files.extractall(folder, filter="data")
