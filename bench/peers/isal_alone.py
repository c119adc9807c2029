"""The peer of ``backtest_archive.py``: decompresses every file of a folder with isal in processes, and nothing more.

    python bench/peers/isal_alone.py FOLDER PROCESSES

Prints the number of decompressed bytes.
"""

# ruff: noqa: T201  a script that prints

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING

from isal import igzip

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS_A_PROCESS = 64


def files(folder: str) -> Iterator[str]:
    """Every file below a folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from files(entry.path)
        else:
            yield entry.path


def decompress(paths: list[str]) -> int:
    """Decompress some of the files, in one process."""
    total = 0
    for path in paths:
        with open(path, "rb") as stored:  # noqa: PTH123  a path object costs as much again
            total += len(igzip.decompress(stored.read()))
    return total


def main() -> None:
    """Decompress all."""
    processes = int(sys.argv[2])
    paths = sorted(files(sys.argv[1]))
    tasks = processes * TASKS_A_PROCESS
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        print(sum(pool.imap_unordered(decompress, [paths[part::tasks] for part in range(tasks)])))


if __name__ == "__main__":
    main()
