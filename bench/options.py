"""What a run of the benchmark is asked to do."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

RESULTS = Path(__file__).parent / "results"
EPILOG = """
The parts are measured one after the other, their contenders in turn, so that all meet the same machine. Uses the broker
in KAFKA_BOOTSTRAP, or else starts the tests' Kafka (Java 17 and Maven). Peers are installed below build/bench.

Where every record matches, the worker alone on 60,000 records, or beside its peers:
  python -m bench --only matches --contender rootwatch --records 60000 --runs 1
  python -m bench --only matches --records 60000 --runs 1
"""


@dataclass(frozen=True)
class Options:
    """What to measure.

    Args:
        runs: how often each contender runs.
        records: how many records there are, for the parts that ask; None for each part's own number.
        contenders: only these; None for all.
    """

    runs: int
    records: int | None = None
    contenders: frozenset[str] | None = None

    def takes(self, contender: str) -> bool:
        """Whether this contender is to be measured."""
        return self.contenders is None or contender in self.contenders


@dataclass(frozen=True)
class Asked:
    """The command line: which parts, how, and where results go (None: nowhere)."""

    parts: tuple[str, ...]
    options: Options
    results: Path | None


def parse(arguments: Sequence[str] | None, parts: Collection[str]) -> Asked:
    """Read the command line.

    Raises:
        SystemExit: it is wrong, or asks for help.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures speed beside peers. Results go to bench/results; docs/performance.md is made of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=list(parts), default=list(parts), help="only these parts")
    parser.add_argument("--contender", nargs="+", help="only these contenders, such as rootwatch or quix")
    parser.add_argument("--records", type=int, help="so many records instead of each part's own number")
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (default 3)")
    parser.add_argument(
        "--results", type=Path, help="folder for results; with --records or --contender they are else only printed"
    )
    given = parser.parse_args(arguments)
    contenders = frozenset(given.contender) if given.contender else None
    is_whole = given.records is None and contenders is None
    return Asked(
        tuple(given.only),
        Options(given.runs, given.records, contenders),
        given.results or (RESULTS if is_whole else None),
    )
