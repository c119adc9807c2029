"""How cost grows with the source's partitions, the share of matches, and the number of rules: one run each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.load.records import mixed, new_pairs, taken_of
from bench.load.topics import filled
from bench.parts.reading import PARTITIONS, Topic, compare
from bench.parts.rules import with_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

PARTITION_COUNTS = (1, 2, 4, 8)
RECORDS = {0.001: 800_000, 0.01: 400_000, 0.1: 100_000, 1.0: 20_000}  # by share of matches
RULE_COUNTS = (1, 10, 40, 100)
TAKEN_BY_RULES = 10  # per cent of all records, however many rules


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure each in turn."""
    once = replace(options, runs=1)
    for partitions in PARTITION_COUNTS:
        for share in (0.001, 1.0):
            yield from _reads(bootstrap, once, share, partitions, "partitions")
    for share in RECORDS:
        yield from _reads(bootstrap, once, share, PARTITIONS, "share")
    for rules in RULE_COUNTS:
        for row in with_rules(bootstrap, once, rules, TAKEN_BY_RULES, ()):
            yield {**row, "grows": "rules"}


def _reads(bootstrap: str, options: Options, share: float, partitions: int, grows: str) -> Iterator[Row]:
    count = options.records or RECORDS[share]
    alerts = new_pairs(taken_of(count, share))
    with filled(bootstrap, mixed(count, share), partitions) as name:
        label: Row = {"grows": grows, "share": share, "partitions": partitions}
        yield from compare(bootstrap, Topic(name, count, count, alerts, (), label, partitions=partitions), options)
