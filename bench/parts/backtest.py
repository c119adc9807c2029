"""A replay with two processes: gzip archives beside isal that keeps its memory, and a topic beside a tuned consumer."""

from __future__ import annotations

import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from bench import backtest_archive, backtest_topic
from bench.load.topics import delete
from bench.peers import isal_alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

RECORDS = 600_000
TIMES_LARGER = 10
"""How many times as large the second archive is, in which the start of a command is spread over more files."""

PROCESSES = 2
PARTITIONS = 4


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure both."""
    count = options.records or RECORDS
    for source, records in (("archive", count), ("large-archive", count * TIMES_LARGER)):
        with tempfile.TemporaryDirectory() as folder:
            yield from _archive(source, Path(folder), records, options.runs)
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    backtest_topic.fill(bootstrap, topic, count, PARTITIONS)
    for run in range(options.runs):
        tuned = backtest_topic.plain(bootstrap, topic, count, PARTITIONS, backtest_topic.FASTEST)
        yield {"source": "topic", "contender": "tuned", "run": run, "per_second": tuned}
        ours = backtest_topic.backtest(bootstrap, topic, count, PROCESSES)
        yield {"source": "topic", "contender": "rootwatch", "run": run, "per_second": ours}
    delete(bootstrap, topic)


def _archive(source: str, folder: Path, count: int, runs: int) -> Iterator[Row]:
    _, raw = backtest_archive.make_archive(folder, count, 0)
    isal = [
        sys.executable,
        isal_alone.__file__,
        str(folder),
        str(PROCESSES),
    ]
    rootwatch = str(Path(sys.executable).with_name("rootwatch"))
    backtest = [rootwatch, "backtest", str(folder), "--processes", str(PROCESSES), "--output", "/dev/null"]
    backtest_archive.measured(isal)  # the first reader reads from the disk
    for run in range(runs):
        for contender, command, environment in (
            ("isal", isal, backtest_archive.KEEP_MEMORY),
            ("rootwatch", backtest, {}),
        ):
            seconds, processor, _ = backtest_archive.measured(command, **environment)
            yield {
                "source": source,
                "records": count,
                "contender": contender,
                "run": run,
                "mb_per_second": raw / seconds / 1e6,
                "per_second": count / seconds,
                "processor_us": processor / count * 1e6,
            }
