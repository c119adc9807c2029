"""Forty rules take a tenth or two fifths of all records, most of known tuples, beside a consumer that parses all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contenders import Rootwatch
from bench.load import rules
from bench.load.topics import filled
from bench.parts.reading import PARTITIONS, Topic, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.options import Options
    from bench.results import Row

RECORDS = 200_000
RULES = 40
PER_CENT = (10, 40)


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure each share."""
    for per_cent in PER_CENT:
        yield from with_rules(bootstrap, options, RULES, per_cent, ("tuned-parsed",))


def with_rules(bootstrap: str, options: Options, count: int, per_cent: int, consumers: Sequence[str]) -> Iterator[Row]:
    """Measure with so many rules, which take so many per cent of all records together."""
    made = options.records or RECORDS
    alerts = sum(is_new for _, is_new in rules.records(made, per_cent / 100, count))
    values = (value for value, _ in rules.records(made, per_cent / 100, count))
    with tempfile.TemporaryDirectory() as folder, filled(bootstrap, values, PARTITIONS) as name:
        worker = Rootwatch({"rules": str(rules.write(Path(folder) / "rules", count))})
        label: Row = {"rules": count, "per_cent": per_cent}
        yield from compare(bootstrap, Topic(name, made, made, alerts, tuple(consumers), label, worker), options)
