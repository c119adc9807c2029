"""One record in a thousand matches: a worker beside a consumer as it comes, and one tuned for speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.load.records import mixed, new_pairs, size, taken_of
from bench.load.topics import filled
from bench.parts.reading import PARTITIONS, Topic, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

RECORDS = 800_000
SHARE = 0.001


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure each compression."""
    count = options.records or RECORDS
    alerts = new_pairs(taken_of(count, SHARE))
    for codec in ("none", "zstd"):
        with filled(bootstrap, mixed(count, SHARE), PARTITIONS, codec) as name:
            topic = Topic(name, count, count, alerts, ("plain", "tuned"), {"codec": codec, "bytes": size(codec)})
            yield from compare(bootstrap, topic, options)
