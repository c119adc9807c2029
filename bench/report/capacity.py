"""What a deployment needs, on paper: computed from the figures, so that it stays true when they change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.report.words import NONE, rounded, table

if TYPE_CHECKING:
    from bench.report.figures import Figures

DAILY = (1e9, 1e10, 1e11)
PEAK = 3  # times the average
LOAD = 0.5  # how busy a worker is at the peak, so that it can catch up and stand in for another
TUPLES_PER_BILLION = 1_000_000  # a day
SECONDS_A_DAY = 86_400
LEAST_WORKERS = 2
NETWORK = 1.25e9  # bytes a second: ten gigabits
CONSUMERS = 1  # that read the source
REPLICAS = 3
LEAST_BROKERS = 3


@dataclass(frozen=True)
class Measured:
    """What one worker does: records per second, and what they weigh."""

    per_second: float
    of_one_partition: float
    record_bytes: float
    tuple_bytes: float
    restored_per_second: float


@dataclass(frozen=True)
class Need:
    """What so many records a day need."""

    peak: float
    workers: int
    partitions: int
    source_bytes: float
    brokers: int
    state_bytes: float
    restore_seconds: float


def need(daily: float, measured: Measured) -> Need:
    """Compute it."""
    peak = daily / SECONDS_A_DAY * PEAK
    workers = max(LEAST_WORKERS, math.ceil(peak / (measured.per_second * LOAD)))
    partitions = max(workers, math.ceil(peak / (measured.of_one_partition * LOAD)))
    tuples = daily / 1e9 * TUPLES_PER_BILLION
    return Need(
        peak=peak,
        workers=workers,
        partitions=2 ** math.ceil(math.log2(partitions)),
        source_bytes=peak * measured.record_bytes,
        brokers=max(LEAST_BROKERS, math.ceil(peak * measured.record_bytes * REPLICAS / (NETWORK * LOAD))),
        state_bytes=tuples * measured.tuple_bytes,
        restore_seconds=tuples / workers / measured.restored_per_second,
    )


def first_limit(measured: Measured) -> str:
    """What a worker meets first when load grows: its core, or a network of ten gigabits."""
    return "the network" if measured.per_second * measured.record_bytes > NETWORK else "a worker's core"


def read(figures: Figures) -> dict[str, Measured]:
    """What was measured, by what the rules take; empty if anything is missing."""
    one = figures.median("growth", "per_second", grows="partitions", partitions=1, share=0.001)
    four = figures.median("growth", "per_second", grows="partitions", partitions=4, share=0.001)
    each = figures.median("skipped", "bytes", contender="rootwatch", codec="zstd")
    rare = figures.median("skipped", "per_second", contender="rootwatch", codec="zstd")
    often = figures.median("rules", "per_second", contender="rootwatch", per_cent=10)
    million = {"tuples": 1_000_000}
    disk = figures.median("tuples", "disk_bytes_each", start="cold", **million)
    cold, warm = (figures.median("tuples", "seconds", start=start, **million) for start in ("cold", "warm"))
    if not (one and four and each and rare and often and disk and cold and warm):
        return {}
    restored = 1_000_000 / max(cold - warm, 0.1)
    return {
        name: Measured(rate, rate * min(1.0, one / four), each, disk, restored)
        for name, rate in (("0.1 %, one rule", rare), ("10 %, 40 rules", often))
    }


def capacity(figures: Figures) -> str:
    """The table."""
    rows = []
    for taken, measured in read(figures).items():
        for daily in DAILY:
            what = need(daily, measured)
            rows.append(
                (
                    f"{daily / 1e9:.0f} billion, taken {taken}",
                    rounded(what.peak),
                    str(what.workers),
                    str(what.partitions),
                    f"{rounded(what.source_bytes / 1e6)} in, {rounded(what.source_bytes * CONSUMERS / 1e6)} out",
                    str(what.brokers),
                    rounded(what.state_bytes / 1e6),
                    rounded(what.restore_seconds),
                    first_limit(measured),
                )
            )
    head = (
        "records a day",
        "peak, per second",
        "workers",
        "source's partitions",
        "broker, MB/s of source",
        "brokers",
        "state, MB",
        "restore of one worker, s",
        "first limit",
    )
    return table(head, rows or [(NONE,) * len(head)])
