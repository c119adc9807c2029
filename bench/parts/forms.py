"""One record in a thousand matches, in other forms than single records, beside a consumer that parses them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.load.forms import FORMS, messages
from bench.load.records import mixed, new_pairs, taken_of
from bench.load.topics import filled
from bench.parts.reading import PARTITIONS, Topic, compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.options import Options
    from bench.results import Row

RECORDS = 300_000
SHARE = 0.001


def measure(bootstrap: str, options: Options) -> Iterator[Row]:
    """Measure each form."""
    count = options.records or RECORDS
    alerts = new_pairs(taken_of(count, SHARE))
    for form, (each, _) in FORMS.items():
        with filled(bootstrap, messages(mixed(count, SHARE), form), PARTITIONS) as name:
            topic = Topic(name, -(-count // each), count, alerts, ("tuned-parsed",), {"form": form})
            yield from compare(bootstrap, topic, options)
