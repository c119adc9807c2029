"""Writes the tables of ``docs/performance.md`` and the README's line, and draws the chart."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from bench.options import RESULTS
from bench.peers import install
from bench.report.document import fill
from bench.report.figures import Figures
from bench.report.tables import TABLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/performance.md", "README.md")


def main() -> None:
    """Write all."""
    figures = Figures.read(RESULTS)
    contents = {name: functools.partial(table, figures) for name, table in TABLES.items()}
    for name in DOCUMENTS:
        path = ROOT / name
        path.write_text(fill(path.read_text(encoding="utf-8"), contents), encoding="utf-8")
    command = [*install.charts(), str(RESULTS), str(ROOT / "docs/performance.png")]
    subprocess.run(command, check=True)  # noqa: S603  the bench's own program


if __name__ == "__main__":
    main()
