"""Every record matches, and nine of ten are of a new pair: the worker's whole path beside other stream processors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contenders import CONTENDERS, Place
from bench.load.records import mixed, new_pairs
from bench.load.topics import filled
from bench.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

RECORDS = 100_000
PARTITIONS = 4
MOST_SECONDS = 25  # for one contender in one run


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure all contenders in turn, run by run."""
    count = options.records or RECORDS
    with (
        filled(bootstrap, mixed(count, 1), PARTITIONS) as source,
        tempfile.TemporaryDirectory() as folder,
    ):
        place = Place(bootstrap, source, Path(folder))
        for run in range(options.runs):
            for name, contender in CONTENDERS.items():
                if not options.takes(name):
                    continue
                with contender.run(place) as job:
                    done = watch(job, place, new_pairs(count), MOST_SECONDS)
                records = done.alerts * 10 / 9
                yield {
                    "contender": name,
                    "run": run,
                    "per_second": records / done.seconds,
                    "processor_us": done.processor / records * 1e6,
                    "memory_mib": done.memory,
                    "all_there": done.all_there,
                }
