"""One worker and two, on a source of eight partitions, with the broker on the same cores."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import broker
from bench.contenders import Place, Rootwatch
from bench.load.records import mixed, new_pairs, taken_of
from bench.load.topics import filled
from bench.parts.reading import Topic, worker
from bench.watch import processor_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

PARTITIONS = 8
RECORDS = {0.001: 1_600_000, 1.0: 30_000}  # by share of matches
COUNTS = (1, 2)


def measure(_: str, options: Options) -> Iterator[Row]:
    """Measure each share, on a broker that gives both workers three seconds to join before it assigns partitions."""
    with broker.own(group_initial_rebalance_delay_ms="3000") as kafka:
        for share, usual in RECORDS.items():
            count = options.records or usual
            with (
                filled(kafka.bootstrap, mixed(count, share), PARTITIONS) as name,
                tempfile.TemporaryDirectory() as folder,
            ):
                place = Place(kafka.bootstrap, name, Path(folder))
                for run in range(options.runs):
                    for workers in COUNTS:
                        who = Rootwatch(workers=workers, partitions=PARTITIONS)
                        alerts = new_pairs(taken_of(count, share))
                        used = processor_seconds([kafka.pid])
                        row = worker(place, Topic(name, count, count, alerts, (), {}, who, PARTITIONS))
                        used = processor_seconds([kafka.pid]) - used
                        label: Row = {"contender": "rootwatch", "share": share, "workers": workers, "run": run}
                        yield {**label, **row, "broker_us": used / count * 1e6}
