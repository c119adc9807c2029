"""The command: measures the parts, one after the other, and writes the results."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from bench import broker, options, results
from bench.parts import backtest, forms, growth, latency, matches, rules, skipped, tuples, workers
from bench.report import __main__ as report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTS: dict[str, Callable[[str, options.Options], Iterator[results.Row]]] = {
    "matches": matches.measure,
    "skipped": skipped.measure,
    "forms": forms.measure,
    "rules": rules.measure,
    "latency": latency.measure,
    "workers": workers.measure,
    "growth": growth.measure,
    "tuples": tuples.measure,
    "backtest": backtest.measure,
}


def main() -> None:
    """Measure what the command line asks for."""
    asked = options.parse(None, PARTS)
    with broker.bootstrap() as bootstrap:
        for part in asked.parts:
            begun = time.monotonic()
            rows = []
            for row in PARTS[part](bootstrap, asked.options):
                rows.append(row)
                say(f"{part:<10} {time.monotonic() - begun:4.0f} s  {shown(row)}\n")
            if asked.results:
                results.write(asked.results, part, asked.options, rows)
    if asked.results == options.RESULTS:
        report.main()


def shown(row: results.Row) -> str:
    """A row in one line."""
    return "  ".join(f"{name} {value:,.4g}" if isinstance(value, float) else f"{value}" for name, value in row.items())


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
